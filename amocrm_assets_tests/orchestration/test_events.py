"""Events in Dagster: a chain of their own beside the leads', which a source switches on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.days import day_window
from amocrm_assets.entities import EVENTS
from amocrm_assets.rows import read_rows
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, Pipeline, failure_of

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.events import AccountEvent

pytestmark = pytest.mark.slow

CHAIN = ["raw_events", "events", "amoCrmEvents"]


@pytest.fixture
def events(pipeline: Pipeline) -> Pipeline:
    """A source with leads and events."""
    pipeline.configure(import_events=True)
    return pipeline


def happened(pipeline: Pipeline, day: str) -> list[AccountEvent]:
    window = day_window(date.fromisoformat(day), pipeline.source.zone)
    kinds = frozenset(EVENTS.live.types)
    return list(pipeline.sandbox.events.between(window.from_at, window.to_at, kinds=kinds))


def test_a_source_without_the_switch_has_no_events(pipeline: Pipeline) -> None:
    keys = {spec.key.path[-1] for spec in pipeline.definitions.resolve_all_asset_specs()}
    assert keys.isdisjoint(CHAIN)


def test_a_day_of_events_lands_with_all_its_checks(events: Pipeline) -> None:
    result = events.run(LAST)

    assert result.success, failure_of(result)
    checks = {(each.asset_key.path[-1], each.check_name): each for each in result.get_asset_check_evaluations()}
    assert all(each.passed for each in checks.values())
    assert {
        ("raw_events", "reading_complete"),
        ("events", "no_oddities"),
        ("events", "ids_unique"),
        ("amoCrmEvents", "equals_rows"),
    } <= checks.keys()
    there = happened(events, LAST)
    (metadata,) = events.materialised("amoCrmEvents").values()
    assert metadata["dagster/partition_row_count"] == len(there) > 20
    assert metadata["dagster/table_name"].endswith("amoCrmEvents_acme_20250310")
    assert "type " in str(metadata["preview"])
    spec = next(s for s in events.definitions.resolve_all_asset_specs() if s.key.path[-1] == "amoCrmEvents")
    assert "that were created on a day" in str(spec.description)


def test_a_range_is_read_in_one_run_and_every_event_is_in_its_day(events: Pipeline) -> None:
    assert events.run(FIRST, LAST, only=CHAIN).success
    for day in ("2025-03-07", "2025-03-08", "2025-03-09", "2025-03-10"):
        frame = read_rows(EVENTS.table, events.storage, "acme", [date.fromisoformat(day)])
        assert sorted(frame["id"]) == sorted(event.id for event in happened(events, day))


def test_a_second_reading_adds_nothing_and_loses_nothing(events: Pipeline) -> None:
    assert events.run(LAST, only=CHAIN).success
    assert events.run(LAST, only=CHAIN).success
    (metadata,) = events.materialised("amoCrmEvents").values()
    assert metadata["dagster/partition_row_count"] == len(happened(events, LAST))


def test_a_user_who_may_not_read_events_fails_them_and_not_the_leads(events: Pipeline) -> None:
    events.sandbox.configure(faults=(Fault("403-json", path="/api/v4/events"),))
    result = events.run(LAST)
    failure = failure_of(result)
    assert "events" in str(failure.description)
    assert list(events.materialised("amoCrmLeads")) == [LAST]
    assert events.materialised("raw_events") == {}
