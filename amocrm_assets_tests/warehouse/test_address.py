from __future__ import annotations

from pathlib import Path

import pytest

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import Deployment
from amocrm_assets.settings.places import project_folder
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets.warehouse.address import BigQueryAddress, DuckDbAddress, read_address
from amocrm_assets.warehouse.bigquery.timeouts import Timeouts
from amocrm_assets.warehouse.duckdb import WAIT_SECONDS


def test_three_slashes_are_a_path_from_the_project_whoever_reads_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_folder()
    assert project is not None
    monkeypatch.chdir(tmp_path)

    assert read_address("duckdb:///data/warehouse.duckdb") == DuckDbAddress(project / "data" / "warehouse.duckdb")
    assert Deployment.from_environment({}).warehouse == f"duckdb:///{project}/data/warehouse.duckdb"
    assert read_address("duckdb:///~/w.duckdb") == DuckDbAddress(Path.home() / "w.duckdb")


def test_a_storage_begins_at_the_project_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert open_storage("data").uri("x") == f"{Deployment.from_environment({}).storage}/x"


def test_four_slashes_are_an_absolute_path() -> None:
    assert read_address("duckdb:////srv/a b.duckdb") == DuckDbAddress(Path("/srv/a b.duckdb"))


def test_a_dataset_may_have_a_location_and_an_emulator() -> None:
    assert read_address("bigquery://my-project/amocrm") == BigQueryAddress("my-project", "amocrm")
    assert read_address("bigquery://example.com:old/crm_1?location=EU") == BigQueryAddress(
        "example.com:old", "crm_1", "EU"
    )
    assert read_address("bigquery://p/d?location=europe-west3&endpoint=http://127.0.0.1:9050") == BigQueryAddress(
        "p", "d", "europe-west3", "http://127.0.0.1:9050"
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "duckdb:///data/warehouse.duckdb"),
        ("data/warehouse.duckdb", "duckdb:///data/warehouse.duckdb"),
        ("postgresql://localhost/crm", "bigquery://PROJECT/DATASET"),
        ("duckdb://data/warehouse.duckdb", "duckdb:///data/warehouse.duckdb"),
        ("duckdb:///", "duckdb:///data/warehouse.duckdb"),
        ("duckdb:///data/w.duckdb?location=EU", "duckdb:///data/warehouse.duckdb"),
        ("duckdb:///data/", "duckdb:///data/warehouse.duckdb"),
        ("bigquery://my-project", "is not a dataset name"),
        ("bigquery://my-project/my-dataset", "no hyphen"),
        ("bigquery://my-project/a/b", "is not a dataset name"),
        ("bigquery:///dataset", "is not a project id"),
        ("bigquery://My_Project/dataset", "is not a project id"),
        ("bigquery://p/d?locaton=EU", "Unknown: locaton"),
        ("bigquery://p/d?location=", "is not a location"),
        ("bigquery://p/d?endpoint=http://10.0.0.7:9050", "for an emulator on this machine"),
        ("bigquery://p/d?endpoint=http://127.0.0.1.example.com", "for an emulator on this machine"),
        ("bigquery://p/d?endpoint=127.0.0.1:9050", "for an emulator on this machine"),
        ("bigquery://p/d?endpoint=", "for an emulator on this machine"),
    ],
)
def test_a_wrong_address_names_the_variable_and_the_right_form(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match="AMOCRM_WAREHOUSE") as caught:
        open_warehouse(url)

    assert says in str(caught.value)
    assert caught.value.facts == {"variable": "AMOCRM_WAREHOUSE"}


@pytest.mark.parametrize(
    ("url", "wait_seconds", "deadlines"),
    [
        ("duckdb:///data/w.duckdb", None, WAIT_SECONDS),
        ("duckdb:///data/w.duckdb", 3.0, 3.0),
        ("duckdb:///data/w.duckdb", 0.0, 0.0),
        ("bigquery://my-project/crm", None, Timeouts()),
        ("bigquery://my-project/crm", 3.0, Timeouts(3.0, 3.0, 3.0)),
    ],
)
def test_a_caller_with_less_time_than_a_warehouse_sets_its_deadlines(
    monkeypatch: pytest.MonkeyPatch, url: str, wait_seconds: float | None, deadlines: object
) -> None:
    opened: list[object] = []

    def duckdb_warehouse(_: Path, *, wait_seconds: float) -> None:
        opened.append(wait_seconds)

    def bigquery_warehouse(_: BigQueryAddress, *, timeouts: Timeouts | None, **__: object) -> None:
        opened.append(timeouts or Timeouts())

    monkeypatch.setattr("amocrm_assets.warehouse.duckdb.DuckDbWarehouse", duckdb_warehouse)
    monkeypatch.setattr("amocrm_assets.warehouse.bigquery.BigQueryWarehouse", bigquery_warehouse)
    open_warehouse(url, wait_seconds=wait_seconds)
    assert opened == [deadlines]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]"])
def test_every_loopback_address_may_be_an_emulator(host: str) -> None:
    address = read_address(f"bigquery://p/d?endpoint=http://{host}:9050")

    assert isinstance(address, BigQueryAddress)
    assert address.endpoint == f"http://{host}:9050"
