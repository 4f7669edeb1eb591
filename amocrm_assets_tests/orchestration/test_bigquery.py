"""The whole way into BigQuery: nothing differs from DuckDB but one environment variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.shard import bigquery_fields
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse.address import BigQueryAddress, read_address
from amocrm_assets.warehouse.bigquery.resource import BigQueryEndpointResource
from amocrm_assets_tests.emulator import PROJECT
from amocrm_assets_tests.orchestration.conftest import Pipeline
from amocrm_assets_tests.warehouse.places import bigquery_place_at


def test_a_week_lands_in_bigquery_as_it_does_in_duckdb(
    pipeline: Pipeline, bigquery_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = ("2025-03-04", "2025-03-10")
    pipeline.configure(latest_view=True)
    assert pipeline.run(*week).success
    expected = pipeline.warehouse
    days = list(expected.shard_days(pipeline.source.subdomain))

    monkeypatch.setenv("AMOCRM_WAREHOUSE", bigquery_url)
    with bigquery_place_at(bigquery_url, open_storage(str(tmp_path))):
        assert pipeline.run(*week).success

        held = pipeline.warehouse
        assert len(days) == 7
        assert held.shard_days(pipeline.source.subdomain) == expected.shard_days(pipeline.source.subdomain)
        assert held.read(pipeline.source.subdomain, days).equals(expected.read(pipeline.source.subdomain, days))
        told = pipeline.materialised("amoCrmLeads")["2025-03-10"]
        assert told["dagster/table_name"].startswith(f"{PROJECT}.crm_")
        assert schema_of(bigquery_url, told["dagster/table_name"]) == bigquery_fields()


def schema_of(url: str, table: str) -> list[dict[str, Any]]:
    """A table's schema as BigQuery itself writes it."""
    address = read_address(url)
    assert isinstance(address, BigQueryAddress)
    with BigQueryEndpointResource(project=address.project, endpoint=address.endpoint).get_client() as client:
        fields: list[dict[str, Any]] = client.get_table(table).to_api_repr()["schema"]["fields"]
        return fields
