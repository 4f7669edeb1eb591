"""Where an asset's page says that its data is, against where a run put it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from amocrm_assets.entities import ENTITIES
from amocrm_assets.orchestration.locations import warehouse_table
from amocrm_assets.settings import Deployment
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.emulator import PROJECT
from amocrm_assets_tests.orchestration.conftest import LAST, Pipeline, failure_of

if TYPE_CHECKING:
    import dagster as dg

EVERYTHING = {f"import_{entity.name}": True for entity in ENTITIES} | {
    "import_reference": True,
    "import_lead_details": True,
    "latest_table": True,
}


@pytest.fixture
def whole(pipeline: Pipeline) -> Pipeline:
    """A pipeline of everything that a source may import, after one day."""
    pipeline.configure(**EVERYTHING)
    result = pipeline.run(LAST)
    assert result.success, failure_of(result)
    return pipeline


def shown(pipeline: Pipeline) -> dict[dg.AssetKey, Any]:
    """What the page of each asset shows before anything has run."""
    return {spec.key: spec.metadata for spec in pipeline.definitions.resolve_all_asset_specs()}


def written(pipeline: Pipeline, key: dg.AssetKey) -> Any:
    """Metadata of the newest materialisation."""
    (record,) = pipeline.instance.fetch_materializations(key, limit=1).records
    assert record.asset_materialization
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_every_table_is_where_its_page_says_and_has_one_row_for_what_its_page_says(whole: Pipeline) -> None:
    tables = {key: metadata for key, metadata in shown(whole).items() if "dagster/table_name" in metadata}
    assert len(tables) > len(ENTITIES) + 10
    with duckdb.connect(Deployment.from_environment().warehouse.removeprefix("duckdb:///")) as connection:
        for key, metadata in tables.items():
            table = metadata["dagster/table_name"].replace("YYYYMMDD", LAST.replace("-", ""))
            assert table == written(whole, key)["dagster/table_name"]
            (constraint,) = metadata["dagster/column_schema"].constraints.other
            columns = ", ".join(f'"{name}"' for name in constraint.removeprefix("One row for each ").split(", "))
            rows = connection.table(".".join(f'"{part}"' for part in table.split(".")))
            assert len(rows) == len(rows.project(columns).distinct()) > 0, table


def test_captures_and_rows_are_in_the_folder_that_their_page_says(whole: Pipeline) -> None:
    folders = {key: value for key, metadata in shown(whole).items() if (value := metadata.get("dagster/uri"))}
    assert len(folders) > 2 * len(ENTITIES)
    storage = open_storage(Deployment.from_environment().storage)
    for key, folder in folders.items():
        name = folder.removeprefix(f"{Deployment.storage_address()}/")
        assert list(storage.names(name)), key


def test_a_table_in_bigquery_has_its_project_and_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"bigquery://{PROJECT}/crm?location=EU")
    assert warehouse_table("amoCrmUsers_acme") == {"dagster/table_name": f"{PROJECT}.crm.amoCrmUsers_acme"}


def test_a_location_loads_whatever_the_environment_says(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong is said by the run, with its fix."""
    monkeypatch.setenv("AMOCRM_WAREHOUSE", "duckdb:///~nobody-of-that-name/x")
    monkeypatch.setenv("AMOCRM_STORAGE", "s3://bucket")
    assert shown(pipeline)
