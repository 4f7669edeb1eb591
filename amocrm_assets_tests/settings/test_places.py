"""The same words mean the same place in every process, and words that mean none are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import Deployment
from amocrm_assets.settings.places import project_folder

ROOT = Path(__file__).parents[2]


def stored(value: str) -> str:
    return Deployment.from_environment({"AMOCRM_STORAGE": value}).storage


def test_relative_paths_begin_at_the_project_whatever_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Deployment.from_environment({}) == Deployment(
        warehouse=f"duckdb:///{ROOT}/data/warehouse.duckdb",
        storage=f"{ROOT}/data",
        tokens=f"{ROOT}/data/tokens",
    )
    assert stored("some/where") == stored("./some/where") == f"{ROOT}/some/where"


def test_absolute_paths_homes_and_file_addresses_are_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/dagster")
    assert stored("/srv/amocrm/") == "/srv/amocrm"
    assert stored("~/amocrm") == "/home/dagster/amocrm"
    assert stored("file:///srv/a%20b") == stored("FILE:///srv/a b") == "/srv/a b"
    assert stored(" /srv/amocrm\n") == "/srv/amocrm"
    warehouse = Deployment.from_environment({"AMOCRM_WAREHOUSE": "duckdb:///~/crm.duckdb"}).warehouse
    assert warehouse == "duckdb:////home/dagster/crm.duckdb"


def test_buckets_are_understood_in_any_case_of_their_scheme() -> None:
    assert stored("gs://my-bucket/amocrm/") == stored("GS://my-bucket/amocrm") == "gs://my-bucket/amocrm"
    assert stored("gs://my-bucket") == "gs://my-bucket"
    assert Deployment.from_environment({"AMOCRM_WAREHOUSE": "bigquery://p/d"}).warehouse == "bigquery://p/d"


@pytest.mark.parametrize(
    "value",
    [
        *("s3://bucket/x", "gcs://bucket", "az://x", "https://storage.googleapis.com/b", "http:x"),
        *("gs:/bucket", "gs:bucket", "gs://", "gs:///x", "gs://Bucket/x", "gs://b/x//y", "gs://b/../y"),
        *("file://data", "file:data", "file://host/data", "~nobody-of-that-name/x"),
        *("$HOME/data", "${HOME}/data", "'/srv/data'", '"gs://bucket"', "duckdb:///data"),
    ],
)
@pytest.mark.parametrize("variable", ["AMOCRM_STORAGE", "AMOCRM_TOKENS"])
def test_what_is_neither_a_folder_nor_a_bucket_is_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Deployment.from_environment({variable: value})
    assert variable in caught.value.operation
    assert caught.value.fix


@pytest.mark.parametrize("value", ["duckdb:///~nobody-of-that-name/x", "duckdb:///$HOME/x"])
def test_a_duckdb_file_that_cannot_be_meant_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="AMOCRM_WAREHOUSE"):
        Deployment.from_environment({"AMOCRM_WAREHOUSE": value})


def test_a_wheel_belongs_to_the_project_in_whose_environment_it_is(tmp_path: Path) -> None:
    package = tmp_path / "project" / ".venv" / "lib" / "python3" / "site-packages" / "amocrm_assets"
    interpreter = tmp_path / "project" / ".venv"
    assert project_folder(package=package, interpreter=interpreter) is None
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    assert project_folder(package=package, interpreter=interpreter) == tmp_path / "project"


def test_outside_of_a_project_relative_paths_begin_at_dagsters_home_or_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("amocrm_assets.settings.places.project_folder", lambda: None)
    found = Deployment.from_environment({"DAGSTER_HOME": "/srv/dagster"})
    assert (found.storage, found.tokens) == ("/srv/dagster/data", "/srv/dagster/data/tokens")
    with pytest.raises(SettingsError, match=r"Set AMOCRM_STORAGE to an absolute path or gs://"):
        Deployment.from_environment({"AMOCRM_WAREHOUSE": "duckdb:////c"})
    with pytest.raises(SettingsError) as refused:
        Deployment.from_environment({})
    assert "AMOCRM_WAREHOUSE=duckdb:///data/warehouse.duckdb" in str(refused.value)
    assert "Set AMOCRM_WAREHOUSE to duckdb:////absolute/path, or set DAGSTER_HOME" in str(refused.value)
    absolute = {
        "AMOCRM_STORAGE": "/a",
        "AMOCRM_TOKENS": "/b",
        "AMOCRM_WAREHOUSE": "duckdb:////c",
    }
    assert Deployment.from_environment(absolute).storage == "/a"


@pytest.mark.parametrize(
    ("file", "variable"),
    [
        ("data/captures/acme/one", "AMOCRM_STORAGE"),
        ("data/tokens/acme/tokens.json", "AMOCRM_TOKENS"),
        ("data/warehouse.duckdb", "AMOCRM_WAREHOUSE"),
    ],
)
def test_data_that_an_earlier_version_kept_in_the_working_folder_is_never_left_behind_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, variable: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"Move {tmp_path}/data.* to {ROOT}/data") as caught:
        Deployment.from_environment({})
    assert caught.value.facts["variable"] == variable
    meant = {
        "AMOCRM_STORAGE": f"{tmp_path}/data",
        "AMOCRM_TOKENS": f"{tmp_path}/data/tokens",
        "AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/data/warehouse.duckdb",
    }
    assert Deployment.from_environment(meant).storage == f"{tmp_path}/data"


@pytest.mark.slow
def test_from_cron_with_another_working_folder_the_places_are_the_same(tmp_path: Path) -> None:
    program = "from amocrm_assets.settings import Deployment; print(Deployment.from_environment())"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AMOCRM_")}
    ran = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for folder in (ROOT, tmp_path, "/")
    }
    assert len(ran) == 1
