"""Two entities that fail in a range: the others land, the run names their missing days, and the schedule asks
again for exactly those.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.days import day_window
from amocrm_assets.entities import CONTACTS, EVENTS, LEADS, TASKS
from amocrm_assets.orchestration.running import run_days
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.orchestration.conftest import LAST
from amocrm_assets_tests.orchestration.ticks import tick

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets_tests.orchestration.conftest import Pipeline

pytestmark = pytest.mark.slow

DAYS = [date.fromisoformat(LAST).replace(day=day) for day in (8, 9, 10)]
ALL = {"import_contacts": True, "import_events": True, "import_tasks": True}
CHAINS = {"raw_events", "events", "amoCrmEvents", "raw_tasks", "tasks", "amoCrmTasks", "amoCrmLeadStages"}


class Silent:
    """A listener who is told and does nothing."""

    def on_days_done(self, asset: str, done: int, wanted: int) -> None: ...

    def on_retry(self, why: str, wait_seconds: float) -> None: ...


def test_two_entities_that_fail_are_named_with_their_days_and_asked_for_again(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    pipeline.configure(**ALL, start_date=DAYS[0].isoformat())
    pipeline.sandbox.configure(faults=[Fault("403-json", path=f"/api/v4/{name}") for name in ("events", "tasks")])
    outcome = run_days(pipeline.source, DAYS, listener=Silent())
    assert outcome.missing == {"events": DAYS, "tasks": DAYS}
    assert outcome.failure is not None
    assert all(f"/api/v4/{name}" in outcome.failure or name in outcome.failure for name in outcome.missing)
    held = {
        entity.name: sorted(pipeline.warehouse.shard_days(entity.table, "acme"))
        for entity in (LEADS, CONTACTS, EVENTS, TASKS)
    }
    assert held == {"leads": DAYS, "contacts": DAYS, "events": [], "tasks": []}
    # A day that failed and is the first of several is asked for alone, so that it holds up no other.
    assert requested(pipeline) == {"2025-03-08": CHAINS, "2025-03-09...2025-03-10": CHAINS}
    pipeline.sandbox.configure(faults=[])
    assert run_days(pipeline.source, DAYS, listener=Silent()).missing == {}
    assert requested(pipeline) == {}


def requested(pipeline: Pipeline) -> dict[str, set[str]]:
    """The days and assets of each run that the schedule asks for in the night behind the days."""
    night = datetime.fromtimestamp(day_window(DAYS[-1], pipeline.source.zone).to_at + 3600, pipeline.source.zone)
    with dg.DagsterInstance.get() as instance:
        requests = tick(pipeline.definitions, "acme_daily", night, instance).run_requests or []
    return {each.tags["amocrm/day"]: {key.path[-1] for key in each.asset_selection or ()} for each in requests}
