"""A probe finds every switch of the second stand-in that read-only questions can find."""

from __future__ import annotations

import time
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.crm.probe import MAX_REQUESTS, probe_account
from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.accounts import FixedToken, source
from amocrm_assets_tests.crm.probe.probing import AS_DOCUMENTED, account, probe_standin
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, lead, running_standin
from amocrm_assets_tests.standin.account import INCOMING_STATUS

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.crm.probe import ProbeReport

Switches = dict[str, Any]

# What is found in an account as documented.
DOCUMENTED: Switches = {
    **AS_DOCUMENTED,
    "contacts": None,
    "loss_reason": None,
    "ties_desc": "id asc",
    "depth": "at least 480",
    "fields_limit": "at least 60",
    "events_limit": 100,
    "incoming": None,
    "minor_units": False,
}
NOW_AND_THEN = tuple(range(2, 100, 3))

# Switches, and what is found otherwise than in `DOCUMENTED`. One of several answers may be "...": any.
FOUND: dict[str, tuple[Switches, Switches]] = {
    "from_exclusive": ({"from_exclusive": True}, {"from_inclusive": False}),
    "to_exclusive": ({"to_exclusive": True}, {"to_inclusive": False}),
    "both ends exclusive": (
        {"from_exclusive": True, "to_exclusive": True},
        {"from_inclusive": False, "to_inclusive": False},
    ),
    "leads_filter": (
        {"leads_filter": False},
        {
            "filters_leads": False,
            "from_inclusive": None,
            "to_inclusive": None,
            "id_order_beside_filter": None,
            "ties_desc": ...,
            "ties_asc": ...,
        },
    ),
    "trash_filters": ({"trash_filters": False}, {"filters_deleted": False}),
    "only_deleted ignored": (
        {"only_deleted": "ignored"},
        {"only_deleted": "ignored", "filters_deleted": None, "order_deleted": None, "deleted_without_time": None},
    ),
    "only_deleted 400": (
        {"only_deleted": "400"},
        {
            "only_deleted": "refused (400)",
            "filters_deleted": None,
            "order_deleted": None,
            "deleted_without_time": None,
        },
    ),
    "only_deleted 403": (
        {"only_deleted": "403"},
        {
            "only_deleted": "refused (403)",
            "filters_deleted": None,
            "order_deleted": None,
            "deleted_without_time": None,
        },
    ),
    "order ignored": (
        {"order": "ignored"},
        {
            "order_leads": "ignored",
            "id_order_beside_filter": False,
            "ids_fit": None,
            "depth": ...,
            "ties_asc": ...,
            "ties_desc": ...,
        },
    ),
    "order within pages": (
        {"order": "within pages"},
        {"order_leads": "within pages", "id_order_beside_filter": ..., "ties_asc": ..., "ties_desc": ...},
    ),
    "trash_order ignored": ({"trash_order": "ignored"}, {"order_deleted": "ignored"}),
    "trash_order within pages": ({"trash_order": "within pages"}, {"order_deleted": "within pages"}),
    "id_order_beside_filter": ({"id_order_beside_filter": False}, {"id_order_beside_filter": False}),
    "ties id desc": ({"ties": "id desc"}, {"ties_asc": "id desc", "ties_desc": "id desc"}),
    "ties shuffled": ({"ties": "shuffled"}, {"ties_asc": "not stable", "ties_desc": "not stable"}),
    "links without next": ({"links": "without next"}, {"links": "next is missing"}),
    "no next now and then": (
        {"links": "without next", "odd_links_on": NOW_AND_THEN},
        {"links": "next is missing"},
    ),
    "links next always": ({"links": "next always"}, {"links": "next behind the end"}),
    "depth_max": ({"depth_max": 5}, {"depth": 5}),
    "beyond_depth 400": ({"depth_max": 5, "beyond_depth": "400"}, {"depth": 5}),
    "beyond_depth no next": ({"depth_max": 5, "beyond_depth": "no next"}, {"depth": 5}),
    "past_end empty list": ({"past_end": "empty list"}, {"past_end": "empty list"}),
    "past_end 404": ({"past_end": "404"}, {"past_end": "404"}),
    "limit_max": ({"limit_max": 50}, {"page_size": 50, "depth": ...}),
    "limit_max of no usual size": (
        {"limit_max": 40},
        {"page_size": 40, "above_limit": 40, "depth": ..., "ties_asc": ..., "ties_desc": ...},
    ),
    "above_limit_max maximum": ({"above_limit_max": "maximum"}, {"above_limit": 250, "events_limit": 100}),
    "above_limit_max 400": ({"above_limit_max": "400"}, {"above_limit": "refused (400)", "events_limit": None}),
    "gateway_timeout_above": (
        {"gateway_timeout_above": 50},
        {"page_size": 50, "above_limit": None, "depth": ..., "failures": ...},
    ),
    "details 504": ({"details": "504"}, {"extras": [], "contacts": ..., "loss_reason": ..., "failures": ...}),
    "details 400": ({"details": "400"}, {"extras": ..., "contacts": ..., "loss_reason": ..., "failures": ...}),
    "fields_limit_max": ({"fields_limit_max": 50}, {"fields_limit": 50}),
    "events_limit_max": ({"events_limit_max": 250}, {"events_limit": 250}),
    "null_updated_at_in_leads": ({"null_updated_at_in_leads": 3}, {"leads_without_time": 3}),
    "null_updated_at_in_trash": ({"null_updated_at_in_trash": 2}, {"deleted_without_time": 2}),
    "huge_ids": ({"huge_ids": 3}, {"ids_fit": False}),
    "numbers_as_text": ({"numbers_as_text": True}, {"numbers_as_text": True}),
    "unknown_with": (
        {"unknown_with": ("contacts", "source_id")},
        {"extras": [name for name in DOCUMENTED["extras"] if name not in {"contacts", "source_id"}]},
    ),
    "no Date": ({"date_offset_seconds": None}, {"date_header": False}),
}


def check(report: ProbeReport, expected: Switches) -> None:
    """Compare all answers that do not depend on this machine."""
    found = {answer.question: answer.value for answer in report.answers}
    assert {name: value for name, value in found.items() if expected.get(name, ...) is not ...} == {
        name: value for name, value in expected.items() if value is not ...
    }


def test_an_account_as_documented_is_found_to_be_so(tmp_path: Path) -> None:
    report, standin = probe_standin(tmp_path)
    check(report, DOCUMENTED)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_a_switch_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    switches, changed = FOUND[name]
    report, standin = probe_standin(tmp_path, **switches)
    check(report, DOCUMENTED | changed)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


def test_live_leads_that_come_once_instead_of_the_trash_are_told_and_change_nothing(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, only_deleted="odd once")
    check(report, DOCUMENTED)
    (answer,) = [answer for answer in report.answers if answer.question == "only_deleted"]
    assert answer.observed.endswith("live leads came once")


@pytest.mark.parametrize("links", ["missing", "null", "list"])
def test_links_that_are_no_object_leave_the_lists_unsettled(links: str, tmp_path: Path) -> None:
    report, standin = probe_standin(tmp_path, links=links)
    assert report.value("links") == "unreadable"
    assert report.value("fields_limit") == DOCUMENTED["fields_limit"]
    assert report.value("filters_leads") is report.value("page_size") is None
    assert len(standin.requests) < 20


def test_damaged_answers_are_counted(tmp_path: Path) -> None:
    report, standin = probe_standin(tmp_path, links="null", odd_links_on=NOW_AND_THEN)
    assert 3 < int(str(report.value("failures"))) < len(standin.asked())
    check(report, DOCUMENTED | {"failures": ...})
    (answer,) = [answer for answer in report.answers if answer.question == "failures"]
    assert "a page whose _links are no object" in answer.observed


@pytest.mark.parametrize("listed", [True, False])
def test_incoming_leads_are_looked_for_in_the_plain_list(listed: bool, tmp_path: Path) -> None:  # noqa: FBT001
    there = account()
    at = min(each["updated_at"] for each in there.leads) + 1
    there.leads.append(lead(7, at, status=INCOMING_STATUS))
    report, _ = probe_standin(tmp_path, there, incoming_listed=listed)
    assert report.value("incoming") is listed


@pytest.mark.parametrize("offset", [-3600.0, 7200.0])
def test_the_clocks_are_compared(offset: float, tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, date_offset_seconds=offset)
    assert isinstance(ahead := report.value("clock"), int)
    assert abs(ahead - offset) <= 30


@pytest.mark.slow
def test_the_time_of_answers_is_measured(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, latency_seconds=0.2)
    assert isinstance(seconds := report.value("answer_seconds"), float)
    assert 0.2 <= seconds < 5


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


def test_every_switch_of_the_standin_is_tried() -> None:
    tried = {switch for switches, _ in FOUND.values() for switch in switches}
    elsewhere = {"incoming_listed", "latency_seconds", "date_offset_seconds", "odd_links_on"}
    # How requests are counted, and how many, cannot be found without refusals.
    elsewhere |= {"limit", "bucket_burst", "requests_per_second", "retry_after", "jitter_seconds"}
    # Of the lists that a source does not import here: see test_lists.py.
    elsewhere |= {each.name for each in fields(Semantics) if each.name.startswith(("events_", "notes_", "tasks_"))}
    assert {each.name for each in fields(Semantics)} == tried | elsewhere


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


@pytest.mark.slow
def test_what_was_found_is_what_readings_start_from(tmp_path: Path) -> None:
    report, _ = probe_standin(tmp_path, from_exclusive=True, limit_max=50)
    assert report.traits() == AccountTraits(from_is_inclusive=False, filters=True, max_limit=50)
    report, _ = probe_standin(tmp_path, leads_filter=False)
    assert report.traits().filters is None  # the trash is filtered
    report, _ = probe_standin(tmp_path, leads_filter=False, trash_filters=False)
    assert report.traits() == AccountTraits(from_is_inclusive=None, filters=False, max_limit=None)


def _client(
    standin: StandIn, *, requests_per_second: float = 1000, max_requests: int = MAX_REQUESTS
) -> AmoCrmClient:
    return AmoCrmClient(
        standin.url,
        FixedToken(standin.token),
        requests_per_second=requests_per_second,
        max_requests=max_requests,
    )
