"""The second stand-in of amoCRM does what its switches say."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from amocrm_assets_tests.standin import Editor, Semantics, StandIn, StandInAccount, many_leads, running_standin
from amocrm_assets_tests.standin.semantics import parse_switch

START, END = 1_773_000_000, 1_773_086_399


def account(**changes: Any) -> StandInAccount:
    given: dict[str, Any] = {"deleted": 30, "tied": 5} | changes
    return StandInAccount(many_leads(1, 330, START, END, **given))


def get(standin: StandIn, **params: Any) -> tuple[int, Any]:
    """A page of leads, with parameters that are no names of Python's in `asked`."""
    params |= params.pop("query", {})
    headers = {"Authorization": f"Bearer {standin.token}"}
    request = Request(f"{standin.url}/api/v4/leads?{urlencode(params)}", headers=headers)  # noqa: S310  # http only
    with urlopen(request) as response:  # noqa: S310
        body = response.read()
        return response.status, json.loads(body) if body else None


def ids(body: Any) -> list[int]:
    return [each["id"] for each in body["_embedded"]["leads"]]


def test_a_list_is_filtered_sorted_and_cut_into_pages() -> None:
    query = {"filter[updated_at][from]": START, "filter[updated_at][to]": END, "order[updated_at]": "desc"}
    with running_standin(StandIn(account())) as standin:
        _, first = get(standin, limit=250, query=query)
        _, second = get(standin, limit=250, page=2, query=query)
        status, nothing = get(standin, limit=250, page=3, query=query)
        _, trash = get(standin, query={"with": "only_deleted"})
    times = [each["updated_at"] for page in (first, second) for each in page["_embedded"]["leads"]]
    assert times == sorted(times, reverse=True)
    assert (len(times), len(set(ids(first) + ids(second)))) == (300, 300)
    assert "next" in first["_links"]
    assert "next" not in second["_links"]
    assert (status, nothing) == (204, None)
    assert all(each["is_deleted"] and each["name"] is None for each in trash["_embedded"]["leads"])
    assert len(ids(trash)) == 30


@pytest.mark.parametrize(("switch", "gone"), [("from_exclusive", START), ("to_exclusive", END)])
def test_an_end_of_a_window_can_be_exclusive(switch: str, gone: int) -> None:
    there = account()
    for lead, at in zip(there.leads, (START, END), strict=False):
        lead |= {"updated_at": at, "is_deleted": False}
    query = {"filter[updated_at][from]": START, "filter[updated_at][to]": END, "limit": 250}
    found = []
    with running_standin(StandIn(there, Semantics(**parse_switch(switch)))) as standin:
        for page in (1, 2):
            found += get(standin, page=page, query=query)[1]["_embedded"]["leads"]
    assert gone not in {each["updated_at"] for each in found}
    assert {START, END} - {gone} <= {each["updated_at"] for each in found}


@pytest.mark.parametrize(
    ("links", "sent"), [("missing", "absent"), ("null", None), ("list", []), ("without next", "self only")]
)
def test_links_can_be_odd_on_one_answer(links: Any, sent: Any) -> None:
    with running_standin(StandIn(account(), Semantics(links=links, odd_links_on=(2,)))) as standin:
        first, second, third = (get(standin)[1] for _ in range(3))
    assert "next" in first["_links"]
    assert "next" in third["_links"]
    odd = second.get("_links", "absent")
    assert (["self only"] if isinstance(odd, dict) and list(odd) == ["self"] else [odd]) == [sent]


def test_pages_can_be_small_slow_or_not_deep() -> None:
    with running_standin(StandIn(account(), Semantics(limit_max=40, depth_max=2))) as standin:
        assert [len(ids(get(standin, limit=limit)[1])) for limit in (30, 40, 250)] == [30, 40, 40]
        assert get(standin, limit=30, page=3)[0] == 204
    with running_standin(StandIn(account(), Semantics(gateway_timeout_above=50))) as standin:
        assert standin.reply("/api/v4/leads", {"limit": ["51"]}, standin.token).status == 504
        assert standin.reply("/api/v4/leads", {"limit": ["50"]}, standin.token).status == 200


@pytest.mark.parametrize("kind", ["sliding second", "fixed second", "bucket"])
def test_a_limit_refuses_and_counts(kind: Any) -> None:
    semantics = Semantics(limit=kind, requests_per_second=5, retry_after="2")
    standin = StandIn(account(), semantics)
    statuses = [standin.reply("/api/v4/account", {}, standin.token).status for _ in range(20)]
    # A fixed second may turn meanwhile.
    assert statuses.count(429) == standin.refused >= 10
    assert statuses[:5] == [200] * 5


def test_a_bucket_takes_as_many_at_once_as_it_is_told() -> None:
    standin = StandIn(account(), Semantics(limit="bucket", requests_per_second=1, bucket_burst=3))
    statuses = [standin.reply("/api/v4/account", {}, standin.token).status for _ in range(6)]
    assert statuses[:4] == [200, 200, 200, 429]


def test_jitter_delays_when_a_request_counts() -> None:
    with running_standin(StandIn(account(), Semantics(jitter_seconds=0.2))) as standin:
        late = []
        for _ in range(8):
            sent_at = time.monotonic()
            get(standin, limit=1)
            late.append(standin.requests[-1].at - sent_at)
    assert max(late) > 0.03


def test_a_refresh_token_works_once() -> None:
    standin = StandIn(account())
    given = {"grant_type": "refresh_token", "refresh_token": standin.refresh_token}
    assert standin.exchange(given).status == 200
    assert standin.exchange(given).status == 401


def test_an_editor_moves_leads_and_says_which() -> None:
    there = account()
    edit = Editor(there, 3, per_answer=50)
    edit()
    untouched = there.untouched(START, END)
    assert 270 < len(untouched) < 330
    assert untouched.keys().isdisjoint(there.touched)


def test_switches_are_read_from_a_command_line() -> None:
    texts = ("from-exclusive", "leads_filter=no", "ties=shuffled", "odd_links_on=2,3", "date_offset_seconds=none")
    switches: dict[str, Any] = {name: value for text in texts for name, value in parse_switch(text).items()}
    assert Semantics(**switches) == Semantics(
        from_exclusive=True, leads_filter=False, ties="shuffled", odd_links_on=(2, 3), date_offset_seconds=None
    )
    with pytest.raises(ValueError, match="unknown switch"):
        parse_switch("nonsense")
