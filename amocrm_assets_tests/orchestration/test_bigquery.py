"""The whole way into BigQuery: nothing differs from DuckDB but one environment variable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_gcp import BigQueryResource
from google.cloud import bigquery

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.names import BIGQUERY
from amocrm_assets.shard import bigquery_fields
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse.address import BigQueryAddress, read_address
from amocrm_assets.warehouse.bigquery.clients import open_client
from amocrm_assets_tests.emulator import PROJECT
from amocrm_assets_tests.orchestration.conftest import Pipeline, checks_of
from amocrm_assets_tests.warehouse.places import bigquery_place_at

pytestmark = pytest.mark.slow


def test_a_week_lands_in_bigquery_as_it_does_in_duckdb(
    pipeline: Pipeline, bigquery_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = ("2025-03-04", "2025-03-10")
    pipeline.configure(latest_table=True)
    assert pipeline.run(*week).success
    expected = pipeline.warehouse
    days = list(expected.shard_days(LEADS.table, pipeline.source.subdomain))

    monkeypatch.setenv("AMOCRM_WAREHOUSE", bigquery_url)
    with bigquery_place_at(bigquery_url, open_storage(str(tmp_path))):
        assert pipeline.run(*week).success

        held = pipeline.warehouse
        assert len(days) == 7
        assert held.shard_days(LEADS.table, pipeline.source.subdomain) == expected.shard_days(
            LEADS.table, pipeline.source.subdomain
        )
        assert held.read(LEADS.table, pipeline.source.subdomain, days).equals(
            expected.read(LEADS.table, pipeline.source.subdomain, days)
        )
        loaded = pipeline.materialised("amoCrmLeads")["2025-03-10"]
        assert loaded["dagster/table_name"].startswith(f"{PROJECT}.crm_")
        assert schema_of(bigquery_url, loaded["dagster/table_name"]) == bigquery_fields(LEADS.table.columns)


def test_shards_of_a_dataset_whose_tables_expire_stay_and_older_ones_are_found(
    pipeline: Pipeline, bigquery_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_WAREHOUSE", bigquery_url)
    with (
        bigquery_place_at(bigquery_url, open_storage(str(tmp_path))),
        client_of(bigquery_url) as (client, address),
    ):
        dataset = bigquery.Dataset(f"{address.project}.{address.dataset}")
        dataset.default_table_expiration_ms = 60 * 86_400_000
        dataset.location = address.location
        client.create_dataset(dataset)
        result = pipeline.run("2025-03-09", "2025-03-10")

        assert result.success
        assert checks_of(result)["equals_rows"].passed
        loaded = pipeline.materialised("amoCrmLeads")["2025-03-09"]
        assert "its expiration was removed" in loaded["warnings"]

        table = client.get_table(loaded["dagster/table_name"])
        assert table.expires is None
        table.expires = datetime.now(UTC) + timedelta(days=3)  # as shards of an older version have it
        client.update_table(table, ["expires"])
        verdict = pipeline.check("amoCrmLeads", "equals_rows")

        assert not verdict.passed
        assert verdict.metadata["expiring"].value == "2025-03-09"
        assert "going to delete shards by itself" in str(verdict.description)
        assert checks_of(pipeline.run("2025-03-09", only=["amoCrmLeads"]))["equals_rows"].passed

        client.delete_table(loaded["dagster/table_name"])
        assert pipeline.check("amoCrmLeads", "equals_rows").metadata["gone"].value == "2025-03-09"


def schema_of(url: str, table: str) -> list[dict[str, Any]]:
    """A table's schema as BigQuery itself writes it."""
    with client_of(url) as (client, _):
        fields: list[dict[str, Any]] = client.get_table(table).to_api_repr()["schema"]["fields"]
        return fields


@contextmanager
def client_of(url: str) -> Iterator[tuple[bigquery.Client, BigQueryAddress]]:
    """A client of the dataset that a warehouse's address names."""
    address = read_address(url)
    assert isinstance(address, BigQueryAddress)
    with open_client(address.project, endpoint=address.endpoint) as client:
        yield client, address


def test_the_resource_is_there_for_own_assets_and_opens_the_warehouses_clients(
    pipeline: Pipeline, bigquery_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BIGQUERY not in (pipeline.definitions.resources or {})
    monkeypatch.setenv("AMOCRM_WAREHOUSE", bigquery_url)
    resource = (pipeline.definitions.resources or {})[BIGQUERY]
    assert isinstance(resource, BigQueryResource)
    opened: list[str] = []
    unwatched = type(resource).get_client

    @contextmanager
    def watched(self: BigQueryResource) -> Iterator[bigquery.Client]:
        opened.append(str(self.project))
        with unwatched(self) as client:
            yield client

    monkeypatch.setattr(type(resource), "get_client", watched)

    @dg.asset
    def shards(bigquery: BigQueryResource) -> dg.MaterializeResult[Any]:
        with bigquery.get_client() as client:
            found = client.query_and_wait("SELECT 1 AS one")
        return dg.MaterializeResult(metadata={"one": next(iter(found))["one"]})

    with bigquery_place_at(bigquery_url, open_storage(str(tmp_path))):
        assert pipeline.run("2025-03-10").success
        by_the_warehouse = len(opened)
        defs = dg.Definitions.merge(pipeline.definitions, dg.Definitions(assets=[shards]))
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(asset_selection=[shards.key])

    assert by_the_warehouse > 0
    assert len(opened) == by_the_warehouse + 1
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["one"].value == 1
