"""Dagster's storage in PostgreSQL, with the services of the compose file around it."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.sandbox import running_sandbox
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.deploy.services import Services
from amocrm_assets_tests.orchestration.conftest import QUICK
from amocrm_assets_tests.orchestration.dagster_process import LAUNCH
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, attributes_of, write_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.deploy.postgres import Postgres
    from amocrm_assets_tests.orchestration.dagster_process import Dagster

DAY = "2025-03-10"
RANGE = ["2025-03-06", "2025-03-07", "2025-03-08", "2025-03-09"]
ASSETS = ["raw_leads", "leads", "amoCrmLeads"]
BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(QUICK) as sandbox:
        yield sandbox


def launch(dagster: Dagster, *, day: str) -> str:
    """Start the source's job for a day; returns the run's id."""
    params = {
        "selector": {
            "repositoryLocationName": "amocrm_assets",
            "repositoryName": "__repository__",
            "pipelineName": "acme_leads",
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
        "mode": "default",
    }
    run_id: str = dagster.ask(LAUNCH, params=params)["launchPipelineExecution"]["run"]["runId"]
    return run_id


def backfill(dagster: Dagster, days: list[str], *, seconds: float = 120.0) -> str:
    """Start a backfill of all assets as the UI does, wait for its end, and return how it ended."""
    params = {"assetSelection": [{"path": ["acme", name]} for name in ASSETS], "partitionNames": days}
    started = dagster.ask(BACKFILL, params=params)["launchPartitionBackfill"]
    deadline = time.monotonic() + seconds
    status = "REQUESTED"
    while status == "REQUESTED" and time.monotonic() < deadline:
        time.sleep(0.5)
        answer = dagster.ask(BACKFILL_STATUS, id=started["backfillId"])
        status = answer["partitionBackfillOrError"]["status"]
    return status


def test_a_day_and_a_backfill_run_with_what_the_compose_file_starts(
    postgres: Postgres, sandbox: Sandbox, tmp_path: Path
) -> None:
    write_source(tmp_path / "sources", "acme", attributes_of(sandbox, start_date="2025-01-01"))
    warehouse = f"duckdb:///{tmp_path}/warehouse.duckdb"
    secret = {
        TOKEN_VARIABLE: sandbox.token,
        "AMOCRM_STORAGE": str(tmp_path / "data"),
        "AMOCRM_WAREHOUSE": warehouse,
    }
    database = postgres.new_database()
    services = Services(tmp_path, shared=database, secret=secret)

    with services.running() as dagster:
        run_id = launch(dagster, day=DAY)
        assert backfill(dagster, RANGE) == "COMPLETED_SUCCESS"
        assert [run.status for run in dagster.ended([run_id])] == ["SUCCESS"]
        assert len(dagster.runs()) == 2
        assert [name for name in ("code", "daemon", "webserver") if not services.is_healthy(name)] == []

    counts = open_warehouse(warehouse).shard_days("acme")
    assert sorted(counts) == [date.fromisoformat(day) for day in [*RANGE, DAY]]
    assert min(counts.values()) > 0
    # All history is in PostgreSQL, nothing in files that another machine would not see.
    name = database["DAGSTER_POSTGRES_DB"]
    assert postgres.ask(name, "SELECT count(*) FROM runs") == "2"
    materialised = (
        "SELECT count(DISTINCT partition) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
    )
    assert postgres.ask(name, materialised) == str(len(RANGE) + 1)
    assert not list(tmp_path.rglob("*.db"))
    # The slot that the account's runs take turns with is known to all machines.
    assert postgres.ask(name, "SELECT DISTINCT concurrency_key FROM concurrency_slots") == "amocrm_acme"
