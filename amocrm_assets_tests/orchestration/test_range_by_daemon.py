"""With the real daemon: a tick asks for missing days by ranges, and not for a day that a run is about already."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.end_to_end import asking
from amocrm_assets_tests.orchestration.dagster_process import running_dagster
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, attributes_of, write_source

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# Far from midnight, so that the days are the same at each of these minutes; one comes soon after Dagster is up.
MINUTES = (1, 2, 3, 4)
ASSETS = ("raw_leads", "leads", "amoCrmLeads")


def zone_far_from_midnight(now: datetime) -> str:
    return "UTC" if 1 <= now.hour <= 22 else "Asia/Tokyo"


@pytest.mark.timeout(900)
def test_a_tick_asks_for_a_range_as_one_run_and_leaves_out_the_day_that_is_on_its_way(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    zone = zone_far_from_midnight(now)
    today = now.astimezone(ZoneInfo(zone)).date()
    days = [today - timedelta(days=back) for back in range(5, 0, -1)]
    options = SandboxOptions(leads_per_day=5, requests_per_second=None)
    released = threading.Event()
    with ExitStack() as servers:
        token = ""
        for minutes in MINUTES:
            sandbox = servers.enter_context(running_sandbox(replace(options, subdomain=f"due-{minutes}")))
            sandbox.after_answer = lambda: released.wait(600)
            token = sandbox.token
            due = (now + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone))
            changes: dict[str, object] = {"start_date": days[0].isoformat(), "timezone": zone}
            changes |= {"subdomain": f"due-{minutes}", "schedule": {"hour": due.hour, "minute": due.minute}}
            write_source(tmp_path / "sources", f"due-{minutes}", attributes_of(sandbox, **changes))
        environment = {
            TOKEN_VARIABLE: token,
            "AMOCRM_STORAGE": str(tmp_path / "data"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb",
        }
        with running_dagster(tmp_path, environment) as dagster:
            soon = next(
                each
                for each in MINUTES
                if (now + timedelta(minutes=each)).replace(second=0) > datetime.now(UTC) + timedelta(seconds=15)
            )
            key = f"due_{soon}"
            by_hand = dagster.materialise([[key, each] for each in ASSETS], day=days[2].isoformat())
            launched = asking.runs_of_tick(dagster, f"{key}_daily")
            ranges = {run.tags["amocrm/day"] for run in dagster.runs() if run.run_id in launched}
            assert ranges == {f"{days[0]}...{days[1]}", f"{days[3]}...{days[4]}"}

            released.set()
            ended = dagster.ended([by_hand, *launched])
            assert [run.status for run in ended] == ["SUCCESS"] * 3, dagster.log()
            for asset in ASSETS:
                assert asking.partitions_of(dagster, [key, asset]).materialised == len(days)
            warehouse = open_warehouse(environment["AMOCRM_WAREHOUSE"])
            assert set(warehouse.shard_days(LEADS.table, f"due-{soon}")) == set(days)
