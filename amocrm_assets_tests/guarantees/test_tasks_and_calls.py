"""Tasks and calls that nobody touches are never missing in a green day: edits, resets, 5xx, odd accounts.

The accounts are the second stand-in, which shares nothing with the package, and the package's sandbox.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import all_captures, open_capture
from amocrm_assets.days import day_window
from amocrm_assets.entities import CALLS, TASKS
from amocrm_assets.errors import AmoCrmAssetsError, UnexpectedAnswer
from amocrm_assets.orchestration.checks import COMPLETE, reading_results
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import DAY, leads_of, sandbox_with, source
from amocrm_assets_tests.guarantees.test_contacts import with_leads
from amocrm_assets_tests.guarantees.test_standin import READABLE, UNREADABLE, client_of
from amocrm_assets_tests.guarantees.whole_way import hurried_client
from amocrm_assets_tests.standin import (
    Editor,
    Semantics,
    StandIn,
    StandInAccount,
    many_leads,
    note,
    running_standin,
    task,
)
from amocrm_assets_tests.standin.weather import in_bad_weather

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.entities import Entity
    from amocrm_assets.sandbox.options import FaultKind
    from amocrm_assets_tests.guarantees.whole_way import WholeWay

WINDOW = day_window(DAY, source().zone)
Switches = dict[str, Any]
Json = dict[str, Any]
# What a list can do that knows neither a trash nor details.
OF_THE_TRASH = ("trash", "contacts", "only_deleted", "stub", "extras")
ODD: dict[str, Switches] = {
    name: switches for name, switches in READABLE.items() if not any(each in name for each in OF_THE_TRASH)
}
UNSURE = {
    name: switches for name, switches in UNREADABLE.items() if not any(each in name for each in OF_THE_TRASH)
}


def account(seed: int, make: Callable[[int, int], Json], count: int) -> StandInAccount:
    """A day with a busy second by seed, between two others."""
    tied = min(count // 2, 300 * (seed % 2))
    there = many_leads(seed, count, WINDOW.from_at, WINDOW.to_at, tied=tied, make=make)
    for each, at in zip(there, (WINDOW.from_at, WINDOW.to_at) * 2, strict=False):
        each["updated_at"] = at
    beside = [
        *many_leads(seed + 1, 100, WINDOW.from_at - 86_400, WINDOW.from_at - 1, make=make),
        *many_leads(seed + 2, 100, WINDOW.to_at + 1, WINDOW.to_at + 86_400, make=make),
    ]
    records = there + [
        make(each["id"] + 3_000_000 + 600_000 * place, each["updated_at"]) for place, each in enumerate(beside)
    ]
    Random(seed).shuffle(records)
    return StandInAccount(records, subdomain=source().subdomain)


def read_tasks(way: WholeWay, switches: Switches, seed: int) -> tuple[bool, set[int]]:
    """Whether the day is green, and which untouched tasks its shard does not have as they are."""
    tasks = account(seed, task, 900)
    standin = StandIn(with_leads(), Semantics(**switches), tasks=tasks)
    standin.after_answer = Editor(tasks, seed)
    way.entity = TASKS
    with running_standin(in_bad_weather(standin, seed)), client_of(standin) as client:
        way.go(client, [DAY])
    rows = way.shard(DAY)
    shard = {row["id"]: row["updated_at"] for row in rows}
    assert len(shard) == len(rows)
    there = tasks.untouched(WINDOW.from_at, WINDOW.to_at)
    assert len(there) > 500
    return is_green(way), {each for each, at in there.items() if shard.get(each) != at}


def read_calls(way: WholeWay, switches: Switches, seed: int) -> tuple[bool, set[tuple[str, int]]]:
    """The same of calls: whether the day is green, and which are missing, of all three lists."""
    counts = {"leads": 200, "contacts": 700, "companies": 30}
    notes = {of: account(seed, note, count) for of, count in counts.items()}
    standin = StandIn(with_leads(), Semantics(**switches), notes=notes)
    editors = [Editor(each, seed, per_answer=1) for each in notes.values()]

    def people_go_on() -> None:
        for editor in editors:
            editor()

    standin.after_answer = people_go_on
    way.entity = CALLS
    with running_standin(in_bad_weather(standin, seed)), client_of(standin) as client:
        way.go(client, [DAY])
    rows = way.shard(DAY)
    shard = {(row["entity_type"], row["id"]): row["updated_at"] for row in rows}
    assert len(shard) == len(rows)
    there = {
        (of, each): at
        for of, listed in notes.items()
        for each, at in listed.untouched(WINDOW.from_at, WINDOW.to_at).items()
        if each % 3
    }
    assert len(there) > 300
    assert all(number % 3 for _, number in shard)
    return is_green(way), {each for each, at in there.items() if shard.get(each) != at}


def is_green(way: WholeWay) -> bool:
    verdict = {each.check_name: each for each in reading_results(way.source, way.read, None)}[COMPLETE]
    return verdict.passed or "ERROR" not in str(verdict.severity)  # a warning is no gap


@pytest.mark.slow
@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", ODD)
def test_a_day_of_tasks_lands_complete_however_an_account_behaves(way: WholeWay, name: str, seed: int) -> None:
    _, missing = read_tasks(way, ODD[name], seed)
    assert not missing


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize(
    "name",
    [
        "as documented",
        "filters ignored",
        "ties in any order",
        "numbers as text",
        "all lists are empty at first",
        "all lists are empty for a while",
    ],
)
def test_a_day_of_calls_lands_complete_however_an_account_behaves(way: WholeWay, name: str, seed: int) -> None:
    _, missing = read_calls(way, ODD[name], seed)
    assert not missing


@pytest.mark.slow
@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", UNSURE)
def test_a_day_of_tasks_of_an_account_that_cannot_be_read_is_never_green(
    way: WholeWay, name: str, seed: int
) -> None:
    assert_never_green_with_something_missing(way, read_tasks, UNSURE[name], seed)


@pytest.mark.slow
@pytest.mark.rounds(2, 200)
@pytest.mark.parametrize("read", [read_tasks, read_calls])
def test_nothing_is_missing_in_a_green_day_of_any_account(
    way: WholeWay, read: Callable[..., tuple[bool, set[Any]]], seed: int
) -> None:
    rng = Random(f"follow-ups {seed}")
    switches: Switches = {}
    for each in rng.sample([*ODD.values(), *UNSURE.values()], rng.choice([2, 3])):
        switches |= each
    assert_never_green_with_something_missing(way, read, switches, seed)


def assert_never_green_with_something_missing(
    way: WholeWay, read: Callable[..., tuple[bool, set[Any]]], switches: Switches, seed: int
) -> None:
    try:
        green, missing = read(way, switches, seed)
    except AmoCrmAssetsError:
        way.check_nothing_written()
    else:
        assert not (green and missing), f"{len(missing)} missing with {switches}"


def test_notes_that_are_no_calls_are_in_no_capture_and_told_of(way: WholeWay) -> None:
    green, missing = read_calls(way, {"notes_types_filter": False}, 1)
    assert not missing
    assert green
    findings = [str(each["findings"]) for each in way.read.values()]
    assert "types" in "".join(findings)
    kinds: set[str] = set()
    for each in all_captures(CALLS, way.storage, way.source.subdomain):
        with open_capture(CALLS, way.storage, each.name) as capture:
            kinds |= {json.loads(line)["note_type"] for line in capture.records}
    assert kinds == {"call_in", "call_out"}


@pytest.mark.parametrize("entity", [TASKS, CALLS], ids=lambda each: each.name)
def test_a_record_whose_id_is_no_64_bit_integer_stops_the_reading(way: WholeWay, entity: Entity) -> None:
    make = task if entity is TASKS else note
    listed = account(1, make, 40)
    listed.leads[0] |= {"id": 2**63 + 1, "updated_at": WINDOW.from_at, "note_type": "call_in"}
    empty = {of: StandInAccount([]) for of in ("leads", "contacts")}
    standin = StandIn(with_leads(), tasks=listed, notes={**empty, "companies": listed})
    way.entity = entity
    with running_standin(standin), client_of(standin) as client, pytest.raises(UnexpectedAnswer, match="64 bits"):
        way.go(client, [DAY])
    way.check_nothing_written()


FAULTS: tuple[FaultKind, ...] = ("500", "504", "reset", "reset-midway", "cut", "cut-gzip", "empty-200", "lost")


@pytest.mark.rounds(2, 60)
@pytest.mark.parametrize("entity", [TASKS, CALLS], ids=lambda each: each.name)
def test_tasks_and_calls_are_read_whole_in_a_storm_while_they_are_edited(
    way: WholeWay, entity: Any, seed: int
) -> None:
    path = "/api/v4/tasks" if entity is TASKS else "/api/v4/"
    faults = tuple(Fault(kind, rate=0.1, times=2, path=path) for kind in FAULTS)
    with sandbox_with(
        leads_of(DAY, 900), subdomain=source().subdomain, frozen_at=WINDOW.to_at + 43_200, seed=seed
    ) as sandbox:
        listed = {"tasks": sandbox.tasks} if entity is TASKS else sandbox.notes
        stood = stamps(listed)
        assert len(stood) > 500
        sandbox.configure(faults=faults, edits_per_answer=2, deletions_per_answer=1)
        way.entity = entity
        with hurried_client(sandbox) as client:
            way.go(client, [DAY])
        untouched = dict(stood.items() & stamps(listed).items())
    rows = way.shard(DAY)
    shard = {(row["entity_type"] if entity is CALLS else "tasks", row["id"]): row["updated_at"] for row in rows}
    assert len(shard) == len(rows)
    assert {each for each, at in untouched.items() if shard.get(each) != at} == set()


def stamps(listed: dict[str, Any]) -> dict[tuple[str, int], int]:
    return {
        (name, each): at
        for name, records in listed.items()
        for each, at in records.stamps(WINDOW.from_at, WINDOW.to_at).items()
    }
