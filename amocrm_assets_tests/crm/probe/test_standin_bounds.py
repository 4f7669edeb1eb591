"""A probe of the second stand-in within its bounds: requests, refusals, small, hidden and edited accounts."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.probe import MAX_REQUESTS, probe_account
from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.accounts import FixedToken, source
from amocrm_assets_tests.crm.probe.probing import account, probe_standin
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, lead, running_standin

if TYPE_CHECKING:
    from pathlib import Path


from amocrm_assets_tests.crm.probe.standin_answers import DOCUMENTED, FOUND, Switches


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sliding second", "fixed second", "bucket"])
def test_a_limit_is_kept_and_how_it_is_counted_stays_open(kind: Any, tmp_path: Path) -> None:
    standin = StandIn(account(leads=40, deleted=5), Semantics(limit=kind, requests_per_second=7))
    with running_standin(standin), _client(standin, requests_per_second=7) as client:
        report = probe_account(source(), client=client, storage=FolderStorage(tmp_path))
    assert standin.refused == 0
    assert report.value("limit_counting") is report.value("retry_after") is None
    (answer,) = [answer for answer in report.answers if answer.question == "limit_counting"]
    assert answer.observed == "finding out would cause 429s."


@pytest.mark.slow
@pytest.mark.parametrize(("header", "found"), [("1", True), (None, False)])
def test_a_refusal_in_passing_tells_whether_retry_after_is_sent(
    header: str | None,
    found: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    semantics = Semantics(limit="bucket", requests_per_second=7, retry_after=header)
    standin = StandIn(account(leads=40, deleted=5), semantics)
    with running_standin(standin), _client(standin, requests_per_second=20) as client:
        report = probe_account(source(), client=client, storage=FolderStorage(tmp_path))
    assert report.value("retry_after") is found
    assert report.value("limit_counting") is None
    assert 1 <= standin.refused < 10
    assert len(standin.requests) <= MAX_REQUESTS


@pytest.mark.parametrize("seed", range(8))
def test_sixty_requests_are_never_exceeded_whatever_an_account_does(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    switches: Switches = {}
    for name in rng.sample(sorted(FOUND), 6):
        switches |= FOUND[name][0]
    switches |= {"links": "null", "odd_links_on": tuple(rng.sample(range(1, 120), 60))}
    report, standin = probe_standin(tmp_path, **switches)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


def test_what_could_not_be_asked_any_more_is_not_settled(tmp_path: Path) -> None:
    standin = StandIn(account())
    with running_standin(standin), _client(standin, max_requests=12) as client:
        report = probe_account(source(), client=client, storage=FolderStorage(tmp_path))
    assert report.requests == len(standin.requests) == 12
    assert report.value("from_inclusive") is True
    (answer,) = [answer for answer in report.answers if answer.question == "ids_fit"]
    assert (answer.value, answer.observed) == (None, "the probe had sent as many requests as it may.")


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (StandInAccount([], subdomain="sandbox"), "the account has no leads."),
        (StandInAccount([lead(1, 1_750_000_000)], subdomain="sandbox"), "all records that came share one second."),
    ],
)
def test_a_small_account_leaves_questions_open_with_the_reason(
    there: StandInAccount, reason: str, tmp_path: Path
) -> None:
    report, _ = probe_standin(tmp_path, there)
    (answer,) = [answer for answer in report.answers if answer.question == "order_leads"]
    assert (answer.value, answer.observed) == (None, reason)
    assert report.value("ties_asc") is report.value("page_size") is None


def test_short_pages_without_next_are_not_taken_for_a_short_list(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, limit_max=40, links="without next")
    assert (report.value("page_size"), report.value("links")) == (40, "next is missing")


def test_a_short_list_with_next_is_not_taken_for_short_pages(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, account(leads=30, deleted=5), links="next always")
    assert (report.value("page_size"), report.value("links")) == (None, "next behind the end")
    assert report.traits().max_limit is None


@pytest.mark.parametrize(("tied", "settled"), [(2, False), (4, True)])
def test_an_order_that_may_be_chance_is_not_settled(tied: int, settled: bool, tmp_path: Path) -> None:  # noqa: FBT001
    there = account(tied=0)
    at = there.leads[0]["updated_at"]
    for each in there.leads[:tied]:
        each |= {"updated_at": at, "is_deleted": False}
    seen = {each["updated_at"] for each in there.leads[:tied]}
    for place, each in enumerate(there.leads[tied:]):  # no other tie
        each["updated_at"] = at - 10 - 2 * place
    assert seen == {at}
    report, _ = probe_standin(tmp_path, there)
    assert (report.value("ties_asc") is not None) is settled


def test_leads_that_may_not_be_seen_end_the_probe_and_leave_no_report(tmp_path: Path) -> None:
    standin = StandIn(account(), Semantics(gateway_timeout_above=1))
    with running_standin(standin), _client(standin) as client, pytest.raises(AmoCrmUnavailable):
        probe_account(source(), client=client, storage=FolderStorage(tmp_path))
    assert not (tmp_path / "probes").exists()
    assert len(standin.requests) <= MAX_REQUESTS


def test_an_edited_account_is_not_misjudged(tmp_path: Path) -> None:
    there = account()
    standin = StandIn(there)
    moved = iter(list(there.leads))

    def edit() -> None:
        for _ in range(3):
            there.edit(next(moved), int(time.time()))

    standin.after_answer = edit
    with running_standin(standin), _client(standin) as client:
        report = probe_account(source(), client=client, storage=FolderStorage(tmp_path))
    found = {answer.question: answer.value for answer in report.answers}
    wrong = {name: found[name] for name in DOCUMENTED if found[name] not in (None, DOCUMENTED[name])}
    assert wrong.keys() <= {"depth"}  # by how many leads are known


def _client(
    standin: StandIn, *, requests_per_second: float = 1000, max_requests: int = MAX_REQUESTS
) -> AmoCrmClient:
    return AmoCrmClient(
        standin.url,
        FixedToken(standin.token),
        requests_per_second=requests_per_second,
        max_requests=max_requests,
    )
