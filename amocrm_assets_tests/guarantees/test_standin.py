"""Nothing is missing in a green day, in an account that behaves as no document says.

The account is the second stand-in, which shares nothing with the package. Its switches are turned one by one and
in random combinations, while people edit, delete and restore leads. A day lands with every lead that nobody
touched, deleted ones included, each once; or the run fails; or the check `reading_complete` fails.
"""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.days import day_window
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.checks import COMPLETE, reading_results
from amocrm_assets_tests.accounts import DAY, FixedToken, source
from amocrm_assets_tests.guarantees.whole_way import HASTE
from amocrm_assets_tests.standin import Editor, Semantics, StandIn, StandInAccount, many_leads, running_standin
from amocrm_assets_tests.standin.weather import in_bad_weather

if TYPE_CHECKING:
    from amocrm_assets_tests.guarantees.whole_way import WholeWay

pytestmark = pytest.mark.slow

WINDOW = day_window(DAY, source().zone)
Switches = dict[str, Any]
NOW_AND_THEN = tuple(range(2, 100, 3))

# What a reading must get by with: the day lands, complete.
READABLE: dict[str, Switches] = {
    "as documented": {},
    "from is exclusive": {"from_exclusive": True},
    "to is exclusive": {"to_exclusive": True},
    "both ends are exclusive": {"from_exclusive": True, "to_exclusive": True},
    "filters ignored": {"leads_filter": False, "trash_filters": False},
    "filters ignored for leads only": {"leads_filter": False},
    "filters ignored for the trash only": {"trash_filters": False},
    "live leads instead of the trash once": {"only_deleted": "odd once"},
    "no order by id beside a filter": {"id_order_beside_filter": False},
    "ties by id downwards": {"ties": "id desc"},
    "ties in any order": {"ties": "shuffled"},
    "no links, now and then": {"links": "missing", "odd_links_on": NOW_AND_THEN},
    "links are null, now and then": {"links": "null", "odd_links_on": NOW_AND_THEN},
    "links are a list, now and then": {"links": "list", "odd_links_on": NOW_AND_THEN},
    "no next, now and then": {"links": "without next", "odd_links_on": NOW_AND_THEN},
    "no next at first": {"links": "without next", "odd_links_on": (1,)},
    "nothing behind the end": {"past_end": "empty list"},
    "pages of 50": {"limit_max": 50},
    "one stub without a time": {"null_updated_at_in_trash": 1},
    "numbers as text": {"numbers_as_text": True},
    "unknown extras": {"unknown_with": ("contacts", "source", "source_id", "loss_reason", "catalog_elements")},
    "no Date": {"date_offset_seconds": None},
    "Date an hour behind": {"date_offset_seconds": -3600.0},
    "slow": {"latency_seconds": 0.05},
    "all lists are empty at first": {"lists_empty_on": tuple(range(1, 6))},
    "all lists are empty for a while": {"lists_empty_on": tuple(range(7, 18))},
    "one page in nine is empty": {"lists_empty_on": tuple(range(2, 4_000, 9))},
    "all lists are empty pages for a while": {
        "lists_empty_on": tuple(range(4, 12)),
        "lists_empty_as": "empty list",
    },
    "a sliding second": {"limit": "sliding second", "requests_per_second": 40},
    "a fixed second": {"limit": "fixed second", "requests_per_second": 40},
    "a bucket": {"limit": "bucket", "requests_per_second": 40},
    "504 for leads with their contacts": {"details": "504"},
    "400 for leads with their contacts": {"details": "400"},
    "a bucket that says when": {"limit": "bucket", "requests_per_second": 40, "retry_after": "1"},
}
# What nothing can prove, or what must be said: the day may fail, by an error or by its check.
UNREADABLE: dict[str, Switches] = {
    "only_deleted ignored": {"only_deleted": "ignored"},
    "the trash answers 400": {"only_deleted": "400"},
    "the trash answers 403": {"only_deleted": "403"},
    "order ignored": {"order": "ignored"},
    "order ignored in the trash": {"trash_order": "ignored"},
    "order within pages": {"order": "within pages"},
    "order within pages of the trash": {"trash_order": "within pages"},
    "order within pages without filters": {"order": "within pages", "leads_filter": False},
    "no links": {"links": "missing"},
    "links are null": {"links": "null"},
    "links are a list": {"links": "list"},
    "no next": {"links": "without next"},
    "next for ever": {"links": "next always"},
    "two pages at most": {"depth_max": 2},
    "two pages at most, then 400": {"depth_max": 2, "beyond_depth": "400"},
    "two pages at most, no next": {"depth_max": 2, "beyond_depth": "no next"},
    "one page at most, no next": {"depth_max": 1, "beyond_depth": "no next"},
    "two pages at most without filters": {"depth_max": 2, "leads_filter": False, "beyond_depth": "no next"},
    "404 behind the end": {"past_end": "404"},
    "all lists are empty for a long time": {"lists_empty_on": tuple(range(7, 60))},
    "all lists are empty for a while, no filters": {
        "lists_empty_on": tuple(range(7, 18)),
        "leads_filter": False,
        "trash_filters": False,
    },
    "504 for pages above 50": {"gateway_timeout_above": 50},
    "a limit above 50 is refused": {"limit_max": 50, "above_limit_max": "400"},
    "leads without a time": {"null_updated_at_in_leads": 1},
    "leads without a time, no filters": {"null_updated_at_in_leads": 1, "leads_filter": False},
    "ids beyond int64": {"huge_ids": 3},
}


def account(seed: int) -> StandInAccount:
    """A day with two busy hours and, by seed, a bulk edit in one second, between two quieter days."""
    rush = many_leads(seed, 900, WINDOW.from_at + 40_000, WINDOW.from_at + 47_000, deleted=60)
    rest = many_leads(seed + 500, 1000, WINDOW.from_at, WINDOW.to_at, deleted=200, tied=(0, 620, 30)[seed % 3])
    before = many_leads(seed + 1000, 120, WINDOW.from_at - 86_400, WINDOW.from_at - 1, deleted=20)
    after = many_leads(seed + 1500, 120, WINDOW.to_at + 1, WINDOW.to_at + 86_400, deleted=20)
    # The first and the last second of the day are where an exclusive bound shows.
    for lead, at in zip(rest, (WINDOW.from_at, WINDOW.to_at) * 3, strict=False):
        lead["updated_at"] = at
    leads = []
    for place, part in enumerate((rush, rest, before, after)):
        # Each part draws its ids from the same numbers.
        leads += [lead | {"id": lead["id"] + 1_000_000 * place} for lead in part]
    Random(seed).shuffle(leads)
    return StandInAccount(leads, subdomain=source().subdomain)


def client_of(standin: StandIn) -> AmoCrmClient:
    """A client whose seconds are short, unless the account counts requests by real ones."""
    token = FixedToken(standin.token)
    if standin.semantics.limit != "none":
        rate = standin.semantics.requests_per_second
        return AmoCrmClient(standin.url, token, requests_per_second=rate)
    return AmoCrmClient(
        standin.url,
        token,
        requests_per_second=1000,
        read_seconds=10.0,
        sleep=lambda seconds: time.sleep(seconds / HASTE),
        clock=lambda: time.monotonic() * HASTE,
    )


def read(way: WholeWay, switches: Switches, seed: int) -> tuple[bool, set[int]]:
    """Whether the day is green, and which untouched leads its shard does not have once, or not as they are."""
    standin = StandIn(account(seed), Semantics(**switches))
    standin.after_answer = Editor(standin.account, seed)
    with running_standin(in_bad_weather(standin, seed)), client_of(standin) as client:
        way.go(client, [DAY])
    rows = way.shard(DAY)
    shard = {row["id"]: row["updated_at"] for row in rows}
    assert len(shard) == len(rows)
    there = standin.account.untouched(WINDOW.from_at, WINDOW.to_at)
    assert len(there) > 1000
    verdicts = {each.check_name: each for each in reading_results(way.source, way.read, None)}
    return verdicts[COMPLETE].passed, {lead for lead, at in there.items() if shard.get(lead) != at}


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", READABLE)
def test_a_day_lands_complete_however_an_account_behaves(way: WholeWay, name: str, seed: int) -> None:
    _, missing = read(way, READABLE[name], seed)
    assert not missing


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_day_of_an_account_that_cannot_be_read_is_never_green(way: WholeWay, name: str, seed: int) -> None:
    assert_never_green_with_something_missing(way, UNREADABLE[name], seed)


@pytest.mark.rounds(6, 400)
def test_nothing_is_missing_in_a_green_day_of_any_account(way: WholeWay, seed: int) -> None:
    rng = Random(f"semantics {seed}")
    switches: Switches = {}
    for each in rng.sample([*READABLE.values(), *UNREADABLE.values()], rng.choice([2, 2, 3, 4])):
        switches |= each
    assert_never_green_with_something_missing(way, switches, seed)


def assert_never_green_with_something_missing(way: WholeWay, switches: Switches, seed: int) -> None:
    try:
        green, missing = read(way, switches, seed)
    except AmoCrmAssetsError:
        way.check_nothing_written()
    else:
        assert not (green and missing), f"{len(missing)} missing with {switches}"
