"""Tasks and calls in Dagster: chains of their own beside the leads', which a source switches on."""

from __future__ import annotations

from datetime import date

import pytest

from amocrm_assets.days import day_window
from amocrm_assets.entities import CALLS, LEADS, TASKS
from amocrm_assets.rows import read_rows
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, Pipeline, failure_of

pytestmark = pytest.mark.slow

CHAINS = ["raw_tasks", "tasks", "amoCrmTasks", "raw_calls", "calls", "amoCrmCalls"]
DAYS = ("2025-03-07", "2025-03-08", "2025-03-09", "2025-03-10")


@pytest.fixture
def both(pipeline: Pipeline) -> Pipeline:
    """A source with leads, tasks and calls."""
    pipeline.configure(import_tasks=True, import_calls=True)
    return pipeline


def tasks_of(pipeline: Pipeline, day: str) -> dict[int, int]:
    window = day_window(date.fromisoformat(day), pipeline.source.zone)
    return pipeline.sandbox.tasks.stamps(window.from_at, window.to_at)


def calls_of(pipeline: Pipeline, day: str) -> dict[tuple[str, int], int]:
    window = day_window(date.fromisoformat(day), pipeline.source.zone)
    return {
        (owners, number): at
        for owners, notes in pipeline.sandbox.notes.items()
        for number, at in notes.stamps(window.from_at, window.to_at).items()
    }


def assert_rows_are_all(pipeline: Pipeline, day: str) -> None:
    tasks = read_rows(TASKS.table, pipeline.storage, "acme", [date.fromisoformat(day)])
    assert dict(zip(tasks["id"], tasks["updated_at"], strict=True)) == tasks_of(pipeline, day)
    calls = read_rows(CALLS.table, pipeline.storage, "acme", [date.fromisoformat(day)])
    keys = zip(calls["entity_type"], calls["id"], strict=True)
    assert dict(zip(keys, calls["updated_at"], strict=True)) == calls_of(pipeline, day)


def test_a_source_without_the_switches_has_neither(pipeline: Pipeline) -> None:
    keys = {spec.key.path[-1] for spec in pipeline.definitions.resolve_all_asset_specs()}
    assert keys.isdisjoint(CHAINS)


def test_a_day_of_tasks_and_calls_lands_with_all_its_checks(both: Pipeline) -> None:
    result = both.run(LAST)

    assert result.success, failure_of(result)
    checks = {(each.asset_key.path[-1], each.check_name): each for each in result.get_asset_check_evaluations()}
    assert all(each.passed for each in checks.values()), [key for key, each in checks.items() if not each.passed]
    for name in ("tasks", "calls"):
        table = f"amoCrm{name.title()}"
        assert {(f"raw_{name}", "reading_complete"), (name, "ids_unique"), (table, "equals_rows")} <= checks.keys()
        (metadata,) = both.materialised(table).values()
        there = tasks_of(both, LAST) if name == "tasks" else calls_of(both, LAST)
        assert metadata["dagster/partition_row_count"] == len(there) > 2
        assert metadata["dagster/table_name"].endswith(f"{table}_acme_20250310")
    assert_rows_are_all(both, LAST)
    frame = both.warehouse.read(CALLS.table, "acme", [date.fromisoformat(LAST)])
    assert set(frame["direction"]) <= {"in", "out"}
    assert {"leads", "contacts"} <= set(frame["entity_type"])
    assert frame["phone"].str.contains("999").all()


def test_a_range_is_read_in_one_run_and_every_record_is_in_its_day(both: Pipeline) -> None:
    assert both.run(FIRST, LAST, only=CHAINS).success
    for day in DAYS:
        assert_rows_are_all(both, day)


def test_a_second_reading_adds_what_was_edited_and_loses_nothing_that_was_deleted(both: Pipeline) -> None:
    assert both.run(LAST, only=CHAINS).success
    before = tasks_of(both, LAST)
    deleted, edited, *_ = sorted(before)
    both.sandbox.tasks.delete(deleted)
    both.sandbox.tasks.edit(edited, updated_at=before[edited] + 1, is_completed=True, result={"text": "готово"})
    assert both.run(LAST, only=["raw_tasks", "tasks"]).success
    frame = read_rows(TASKS.table, both.storage, "acme", [date.fromisoformat(LAST)]).set_index("id")
    assert set(frame.index) == set(before)
    assert (frame.loc[edited, "is_completed"], frame.loc[edited, "result"]) == (True, "готово")


@pytest.mark.parametrize("path", ["/api/v4/tasks", "/api/v4/companies/notes"])
def test_a_list_that_the_user_may_not_read_fails_its_entity_and_nothing_else(both: Pipeline, path: str) -> None:
    both.sandbox.configure(faults=(Fault("403-json", path=path),))
    result = both.run(LAST)
    assert path in str(failure_of(result).description)
    failing = TASKS if "tasks" in path else CALLS
    for entity in (LEADS, TASKS, CALLS):
        assert bool(both.materialised(entity.table.warehouse_name)) is (entity is not failing)
