"""No event is missing in a green day: against the second stand-in and the sandbox, with faults and edits."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.probe import ProbeReport
from amocrm_assets.crm.probe.report import ProbeAnswer
from amocrm_assets.crm.probe.stored import write_probe
from amocrm_assets.days import day_window
from amocrm_assets.entities import EVENTS
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.checks import COMPLETE, reading_results
from amocrm_assets.rows import read_rows, write_rows
from amocrm_assets.sandbox import Fault, SandboxOptions, running_sandbox
from amocrm_assets.sandbox.account.history import BEGINNING
from amocrm_assets_tests.accounts import DAY, source
from amocrm_assets_tests.guarantees.test_standin import client_of
from amocrm_assets_tests.guarantees.whole_way import hurried_client, left_in
from amocrm_assets_tests.standin import (
    Semantics,
    StandIn,
    StandInAccount,
    many_events,
    many_leads,
    running_standin,
)
from amocrm_assets_tests.standin.weather import in_bad_weather

if TYPE_CHECKING:
    from datetime import date

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.sandbox.options import FaultKind
    from amocrm_assets.storage import Storage
    from amocrm_assets_tests.guarantees.whole_way import WholeWay

WINDOW = day_window(DAY, source().zone)
Switches = dict[str, Any]

READABLE: dict[str, Switches] = {
    "newest first": {},
    "oldest first": {"events_order": "oldest"},
    "by id": {"events_order": "by id"},
    "from is exclusive": {"from_exclusive": True},
    "both ends are exclusive": {"from_exclusive": True, "to_exclusive": True},
    "pages of 50": {"events_limit_max": 50},
    "pages of 30": {"events_limit_max": 30, "above_limit_max": "maximum"},
    "a next page for ever": {"events_links": "next always"},
    "no next page is ever named": {"events_links": "without next"},
    "types ignored": {"events_types_filter": False},
    "some answers fail": {"events_fail_on": tuple(range(3, 200, 7))},
    "some answers are empty": {"events_empty_on": tuple(range(2, 400, 9))},
    "one page in nine is empty, in all lists": {"lists_empty_on": tuple(range(2, 4_000, 9))},
    "some answers are halved": {"events_halved_on": (1, 2, 9, 16, 30)},
    "all lists are empty at first": {"lists_empty_on": tuple(range(1, 6))},
    "all lists are empty for a while": {"lists_empty_on": tuple(range(7, 18))},
    "numbers of requests are limited": {"limit": "sliding second", "requests_per_second": 40},
}
UNREADABLE: dict[str, Switches] = {
    "in any order, anew each time": {"events_order": "shuffled"},
    "filters ignored": {"events_filter": False},
    "ends after 60 events": {"events_end_after": 60},
    "a limit of 100 is refused": {"events_limit_max": 50, "above_limit_max": "400"},
}


def account(seed: int) -> StandInAccount:
    """A day with a bulk edit in one second, between two others; and events in the first and the last second."""
    rest = many_events(seed, 700, WINDOW.from_at, WINDOW.to_at, tied=(230, 0, 60)[seed % 3])
    for event, at in zip(rest[-4:], (WINDOW.from_at, WINDOW.to_at) * 2, strict=True):
        event["created_at"] = at
    before = many_events(seed + 1000, 60, WINDOW.from_at - 86_400, WINDOW.from_at - 1)
    after = many_events(seed + 2000, 60, WINDOW.to_at + 1, WINDOW.to_at + 86_400)
    events = [*rest, *before, *after]
    Random(seed).shuffle(events)
    leads = many_leads(seed, 9, WINDOW.from_at, WINDOW.to_at)
    return StandInAccount(leads, subdomain=source().subdomain, events=events)


def bring(way: WholeWay, client: AmoCrmClient, day: date) -> tuple[bool, dict[str, int]]:
    """Whether a day is green, and the second of each event in its rows."""
    captured = capture_days(EVENTS, way.source, [day], client=client, storage=way.storage)
    read = {each.day: each.metadata for each in captured}
    written = write_rows(EVENTS, way.storage, way.source, day)
    rows = seconds_by_id(way.storage, day)
    assert len(rows) == written.row_count
    verdicts = {each.check_name: each for each in reading_results(way.source, read, None)}
    # A warning is no gap.
    return verdicts[COMPLETE].passed or "ERROR" not in str(verdicts[COMPLETE].severity), rows


def seconds_by_id(storage: Storage, day: date) -> dict[str, int]:
    frame = read_rows(EVENTS.table, storage, source().subdomain, [day])
    return dict(zip(frame["id"].tolist(), frame["created_at"].tolist(), strict=True))


def read_standin(way: WholeWay, switches: Switches, seed: int) -> tuple[bool, set[str]]:
    """Whether the day is green, and which events are missing in it or in it wrongly."""
    standin = StandIn(account(seed), Semantics(**switches))
    stood = {each["id"]: each["created_at"] for each in standin.account.events if WINDOW.holds(each["created_at"])}

    def something_happens() -> None:
        standin.account.events += many_events(int(time.time() * 1000), 1, int(time.time()), int(time.time()) + 1)

    standin.after_answer = something_happens
    with running_standin(in_bad_weather(standin, seed)), client_of(standin) as client:
        green, rows = bring(way, client, DAY)
    return green, {each for each in stood.keys() | rows.keys() if stood.get(each) != rows.get(each)}


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", READABLE)
def test_every_event_of_a_day_lands_however_the_list_behaves(way: WholeWay, name: str, seed: int) -> None:
    green, wrong = read_standin(way, READABLE[name], seed)
    assert green
    assert not wrong


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", READABLE)
def test_a_report_of_larger_pages_that_is_wrong_costs_no_event(way: WholeWay, name: str, seed: int) -> None:
    response = ProbeAnswer("events_limit", "asked", "observed", 250, "follows")
    write_probe(way.storage, source().subdomain, ProbeReport(datetime.now(UTC), 1, (response,)))
    green, wrong = read_standin(way, READABLE[name], seed)
    assert green
    assert not wrong


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_day_whose_events_cannot_be_read_is_never_green(way: WholeWay, name: str, seed: int) -> None:
    assert_never_green_with_something_missing(way, UNREADABLE[name], seed)


@pytest.mark.rounds(4, 200)
def test_no_events_are_missing_in_a_green_day_of_any_account(way: WholeWay, seed: int) -> None:
    rng = Random(f"events {seed}")
    switches: Switches = {}
    for each in rng.sample([*READABLE.values(), *UNREADABLE.values()], rng.choice([2, 2, 3])):
        switches |= each
    assert_never_green_with_something_missing(way, switches, seed)


def assert_never_green_with_something_missing(way: WholeWay, switches: Switches, seed: int) -> None:
    try:
        green, wrong = read_standin(way, switches, seed)
    except AmoCrmAssetsError:
        assert left_in(way.folder) == []
    else:
        assert not (green and wrong), f"{len(wrong)} wrong with {switches}"


FAULTS: tuple[FaultKind, ...] = (
    "500", "504", "reset", "reset-midway", "cut", "cut-gzip", "empty-200", "html-200", "lost", "row-twice",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.rounds(2, 60)
def test_every_event_lands_while_leads_are_edited_and_answers_break(way: WholeWay, seed: int) -> None:
    options = SandboxOptions(
        seed=seed,
        leads_per_day=40,
        frozen_at=BEGINNING + 36 * 86_400 + 40_000,
        requests_per_second=None,
        events_order=("newest", "oldest")[seed % 2],
        faults=(
            *(Fault(kind, rate=0.15, times=2, path="/api/v4/events") for kind in FAULTS),
            # Nothing at all is believed when it is said often enough.
            Fault("204", rate=0.15, times=2, after=1, path="/api/v4/events"),
        ),
    )
    with running_sandbox(options) as sandbox, hurried_client(sandbox) as client:
        for day_number in (35, 30):
            from_at = BEGINNING + day_number * 86_400
            day = time_of(from_at)
            sandbox.rewrite = lambda body: (sandbox.account.edit(max(sandbox.account.stamps())), body)[1]
            named = frozenset(EVENTS.live.types)
            stood = {
                event.id: event.at for event in sandbox.events.between(from_at, from_at + 86_399, kinds=named)
            }
            green, rows = bring(way, client, day)
            assert len(stood) > 30
            assert rows == stood
            assert green


def time_of(at: int) -> date:
    return datetime.fromtimestamp(at, source().zone).date()
