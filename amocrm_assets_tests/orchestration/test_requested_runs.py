"""Which runs a tick of the schedule asks for, by the states of days. For whole ticks see `test_automation`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.errors import AmoCrmAssetsError, StorageRefused, WarehouseRefused
from amocrm_assets.orchestration import automation
from amocrm_assets.orchestration.automation import automation_of, day_states, days_by_other_midnights
from amocrm_assets.orchestration.partitions import last_days
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOURCE = source(timezone="UTC", import_contacts=True)
TICK = datetime(2026, 3, 8, 1, tzinfo=UTC)
DAYS = [date(2026, 3, day) for day in range(1, 8)]
DONE, FAILED, RUNNING = (
    dg.AssetPartitionStatus.MATERIALIZED,
    dg.AssetPartitionStatus.FAILED,
    dg.AssetPartitionStatus.IN_PROGRESS,
)
ONCE, AFTER = dg.AssetKey("once"), dg.AssetKey("after")
LEADS_CHAIN = ["raw_leads", "leads", "amoCrmLeads"]
CONTACTS_CHAIN = ["raw_contacts", "contacts", "amoCrmContacts"]
WHOLE: list[str] | None = None
NOTHING = "Each of the last 7 days is already loaded or in progress."
ALL_DONE = dict.fromkeys(DAYS, DONE)

States = dict[date, Any]


def asked(
    monkeypatch: pytest.MonkeyPatch,
    states: Mapping[str, States],
    *,
    lost: Mapping[str, set[date]] | None = None,
    otherwise: frozenset[date] = frozenset(),
    error: AmoCrmAssetsError | None = None,
    entities: Any = (LEADS, CONTACTS),
    settings: Any = SOURCE,
) -> tuple[list[tuple[str, list[str] | None]], list[str]]:
    """The days and assets of each run that a tick asks for, None for all; and what it logs.

    `states` has the days of each asset, `lost` the shards that are gone; with an `error` nothing can be looked at.
    """

    def states_of(_: object, __: object, asset: dg.AssetKey, *, at: datetime) -> States:
        days = last_days(SOURCE, at=at, count=7)
        return {day: states.get(asset.path[-1], {}).get(day) for day in days}

    def midnights(_: object, __: object, days: list[date]) -> set[date]:
        if error and days:
            raise error
        return set(otherwise.intersection(days))

    def shard_days(table: Any, _: str) -> set[date]:
        if error:
            raise error
        return set(DAYS) - (lost or {}).get(table.warehouse_name, set())

    lines: list[str] = []
    log = SimpleNamespace(warning=lambda line, *given: lines.append(line % given))
    monkeypatch.setattr(automation, "day_states", states_of)
    monkeypatch.setattr(automation, "days_by_other_midnights", midnights)
    monkeypatch.setattr(
        "amocrm_assets.warehouse.open_warehouse", lambda *_, **__: SimpleNamespace(shard_days=shard_days)
    )
    monkeypatch.setattr(dg.ScheduleEvaluationContext, "log", log)
    monkeypatch.setattr(dg.ScheduleEvaluationContext, "instance", None)
    (schedule,) = automation_of(settings, entities, once_a_run=[ONCE], after_rows=[AFTER]).schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    with dg.build_schedule_context(scheduled_execution_time=TICK) as context:
        ticked: Any = schedule(context)
        found = list(ticked)
    lines += [str(each.skip_message) for each in found if isinstance(each, dg.SkipReason)]
    return [
        (
            each.tags["amocrm/day"],
            None if each.asset_selection is None else [key.path[-1] for key in each.asset_selection],
        )
        for each in found
        if isinstance(each, dg.RunRequest)
    ], lines


def chains(**days: States) -> dict[str, States]:
    """The states of leads and contacts: all days are done, but those that are given otherwise."""
    return {
        name: ALL_DONE | days.get(entity, {})
        for entity, chain in (("leads", LEADS_CHAIN), ("contacts", CONTACTS_CHAIN))
        for name in chain
    }


@pytest.mark.parametrize(
    ("states", "lost", "requests"),
    [
        ({}, {}, [("2026-03-01...2026-03-07", WHOLE)]),
        (chains(), {}, []),
        (chains(leads={DAYS[2]: RUNNING}, contacts={DAYS[2]: RUNNING}), {}, []),
        (
            chains(contacts={DAYS[2]: None}),
            {},
            [("2026-03-03", [*CONTACTS_CHAIN, "once", "after"])],
        ),
        (
            chains(leads={DAYS[1]: None, DAYS[4]: None}, contacts={DAYS[1]: None, DAYS[4]: None}),
            {},
            [("2026-03-02", WHOLE), ("2026-03-05", [*LEADS_CHAIN, *CONTACTS_CHAIN, "after"])],
        ),
        (
            chains(leads={DAYS[3]: None}, contacts={DAYS[3]: None}),
            {"amoCrmLeads": {DAYS[0], DAYS[5], DAYS[6]}},
            [("2026-03-01", ["amoCrmLeads"]), ("2026-03-04", WHOLE), ("2026-03-06...2026-03-07", ["amoCrmLeads"])],
        ),
    ],
)
def test_a_tick_asks_for_what_each_entity_misses_and_for_shards_that_are_gone(
    monkeypatch: pytest.MonkeyPatch,
    states: dict[str, States],
    lost: dict[str, set[date]],
    requests: list[tuple[str, list[str] | None]],
) -> None:
    """Assets without partitions go with the first run that reads amoCRM, those made of rows with each such run."""
    assert asked(monkeypatch, states, lost=lost) == (requests, [] if requests else [NOTHING])


def test_days_that_failed_and_days_that_need_no_reading_are_runs_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of consecutive days that failed the first is alone, since it is the one that may fail again."""
    states = chains(leads=dict.fromkeys(DAYS[1:4], FAILED) | {DAYS[4]: None, DAYS[5]: None})
    states |= {"raw_leads": dict.fromkeys(DAYS, FAILED) | {DAYS[5]: DONE}}
    assert asked(monkeypatch, states) == (
        [
            ("2026-03-02", [*LEADS_CHAIN, "once", "after"]),
            ("2026-03-03...2026-03-04", [*LEADS_CHAIN, "after"]),
            ("2026-03-05", [*LEADS_CHAIN, "after"]),
            ("2026-03-06", [*LEADS_CHAIN, "after"]),
        ],
        [],
    )


def test_days_that_were_read_with_other_midnights_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their captures do not count, and their shards are not looked for."""
    found = asked(
        monkeypatch,
        chains(contacts={DAYS[1]: None, DAYS[2]: None}),
        otherwise=frozenset({DAYS[1]}),
        lost={"amoCrmLeads": {DAYS[1]}},
    )
    assert found == (
        [("2026-03-02", [*LEADS_CHAIN, "once", "after"]), ("2026-03-02...2026-03-03", [*CONTACTS_CHAIN, "after"])],
        [],
    )


def test_the_table_that_is_the_furthest_behind_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = source(timezone="UTC", import_lead_details=True)
    states = chains() | {"amoCrmLeadDetails": ALL_DONE | {DAYS[6]: FAILED, DAYS[0]: None}}
    lost = {"amoCrmLeads": {DAYS[6]}}
    requests, _ = asked(monkeypatch, states, lost=lost, entities=(LEADS,), settings=settings)
    assert [days for days, _ in requests] == ["2026-03-01", "2026-03-07"]


@pytest.mark.parametrize("kind", [StorageRefused, WarehouseRefused])
def test_missing_days_are_asked_for_though_nothing_can_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, kind: type[AmoCrmAssetsError]
) -> None:
    error = kind("Listing", cause="no.", fix="Allow it.")
    requests, lines = asked(monkeypatch, chains(leads={DAYS[6]: None}), error=error)
    assert requests == [("2026-03-07", [*LEADS_CHAIN, "once", "after"])]
    assert sorted(set(lines)) == [
        f"Could not check captures: {error}",
        f"Could not check for missing shards: {error}",
    ]


def test_nothing_is_looked_at_where_no_day_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    error = WarehouseRefused("Listing", cause="no.", fix="Allow it.")
    assert asked(monkeypatch, {}, error=error) == ([("2026-03-01...2026-03-07", WHOLE)], [])


def test_the_captures_of_days_that_are_done_say_which_have_other_midnights(
    monkeypatch: pytest.MonkeyPatch, deployment: Path
) -> None:
    looked: list[Path] = []
    monkeypatch.setattr("amocrm_assets.captures.captures_by_day", lambda *_: looked.append(deployment))
    monkeypatch.setattr("amocrm_assets.captures.days_read_otherwise", lambda *given: given[3][:1])
    assert days_by_other_midnights(LEADS, SOURCE, []) == set()
    assert looked == []
    assert days_by_other_midnights(LEADS, SOURCE, DAYS) == {DAYS[0]}


def test_a_source_that_imports_nothing_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, {}, settings=source(import_leads=False)) == (
        [],
        ["`import_leads`, `import_contacts` is false in the source's settings."],
    )


@pytest.mark.parametrize("known", [{"2026-03-07": DONE}, None])
def test_a_day_of_which_dagster_knows_nothing_has_no_state(known: dict[str, Any] | None) -> None:
    instance: Any = SimpleNamespace(get_status_by_partition=lambda *_: known)
    states = day_states(instance, SOURCE, dg.AssetKey("own"), at=TICK)
    assert states == dict.fromkeys(DAYS) | ({DAYS[6]: DONE} if known else {})


@pytest.mark.parametrize(("once", "said"), [([ONCE], True), ([], False)])
def test_the_job_says_that_it_reads_the_reference_lists(once: list[dg.AssetKey], *, said: bool) -> None:
    (job,) = automation_of(SOURCE, [LEADS], once_a_run=once).jobs or ()
    assert ("reads the reference lists once" in str(job.description)) is said
