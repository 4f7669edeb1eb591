"""With Dagster itself: assets with and without days are materialised together, by button and backfill."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from amocrm_assets.captures import all_captures
from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import REFERENCE
from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.orchestration.conftest import NOW
from amocrm_assets_tests.orchestration.dagster_process import Dagster, running_dagster
from amocrm_assets_tests.orchestration.sources import ASSETS, TOKEN_VARIABLE, attributes_of, write_source

pytestmark = pytest.mark.slow

PATHS = [["acme", name] for name in ASSETS]
DAY, RANGE = "2025-03-06", ["2025-03-07", "2025-03-08", "2025-03-09"]

BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}
"""
BACKFILL_STATE = """
query State($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status error { message } } }
}
"""


def backfilled(dagster: Dagster, days: list[str]) -> list[str]:
    """The runs of a backfill of all assets over days, once it has ended: what the dialog in the UI asks for."""

    params = {"assetSelection": [{"path": path} for path in PATHS], "partitionNames": days, "tags": []}
    backfill = dagster.ask(BACKFILL, params=params)["launchPartitionBackfill"]["backfillId"]
    for _ in range(600):
        state = dagster.ask(BACKFILL_STATE, id=backfill)["partitionBackfillOrError"]
        assert state["error"] is None, state
        if state["status"] not in {"REQUESTED", "CANCELING"}:
            break
        time.sleep(0.5)
    return [run.run_id for run in dagster.runs() if run.tags.get("dagster/backfill") == backfill]


@pytest.mark.timeout(900)
def test_assets_with_and_without_days_are_materialised_together(tmp_path: Path) -> None:
    options = SandboxOptions(
        subdomain="acme", leads_per_day=5, requests_per_second=None, frozen_at=NOW.timestamp()
    )
    with running_sandbox(options) as sandbox:
        everything = {"import_reference": True, "import_lead_details": True}
        attributes = attributes_of(sandbox, start_date="2025-01-01", **everything)
        write_source(tmp_path / "sources", "acme", attributes)
        environment = {
            TOKEN_VARIABLE: sandbox.token,
            "AMOCRM_STORAGE": str(tmp_path / "data"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb",
        }
        storage = open_storage(environment["AMOCRM_STORAGE"])
        with running_dagster(tmp_path, environment) as dagster:
            (run,) = dagster.ended([dagster.materialise(PATHS, day=DAY)])
            assert run.status == "SUCCESS", dagster.log()
            assert len(all_captures(REFERENCE, storage, "acme")) == 1

            runs = dagster.ended(backfilled(dagster, RANGE))
            assert {run.status for run in runs} == {"SUCCESS"}, dagster.log()
            assert len(all_captures(REFERENCE, storage, "acme")) == 2
        shards = open_warehouse(environment["AMOCRM_WAREHOUSE"]).shard_days(LEADS.table, "acme")
        assert [str(day) for day in shards] == [DAY, *RANGE]
