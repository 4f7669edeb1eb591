"""Dagster's storage in PostgreSQL, with the services of the compose file around it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.deploy.services import Services
from amocrm_assets_tests.end_to_end import asking
from amocrm_assets_tests.orchestration.conftest import QUICK
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE, attributes_of, write_source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.deploy.postgres import Postgres

pytestmark = pytest.mark.slow

DAY = date(2025, 3, 10)
RANGE = [date(2025, 3, day) for day in range(6, 10)]
ASSETS = [("acme", name) for name in ("raw_leads", "leads", "amoCrmLeads")]


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.reset(QUICK)
    return served


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
        run_id = dagster.materialise(ASSETS, day=DAY.isoformat(), job="acme_leads")
        backfill = asking.launch_backfill(dagster, ASSETS, RANGE)
        assert asking.ended_backfill(dagster, backfill) == "COMPLETED_SUCCESS"
        assert [run.status for run in dagster.ended([run_id])] == ["SUCCESS"]
        assert len(dagster.runs()) == 2
        assert [name for name in ("code", "daemon", "webserver") if not services.is_healthy(name)] == []

    counts = open_warehouse(warehouse).shard_days(LEADS.table, "acme")
    assert sorted(counts) == [*RANGE, DAY]
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
