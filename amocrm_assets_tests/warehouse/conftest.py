"""The warehouses under test: DuckDB in a file, an emulator, a recording server, a real project if asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets_tests.warehouse.places import Place, bigquery_place_at, duckdb_place_at, wired_place
from amocrm_assets_tests.warehouse.recording_bigquery import RecordingBigQuery, recording_bigquery

REAL = "AMOCRM_TEST_BIGQUERY"


def warehouses() -> list[Any]:
    """Whoever names a real project in the environment has the contract tried there, too."""
    real = [pytest.param("real_bigquery", marks=pytest.mark.bigquery)] if os.environ.get(REAL) else []
    return ["duckdb", "bigquery", *real]


@pytest.fixture(params=warehouses())
def place(request: pytest.FixtureRequest) -> Place:
    """Each warehouse in turn: the contract is one."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Path:
    return tmp_path / "warehouse" / "warehouse.duckdb"


@pytest.fixture
def duckdb_place(tmp_path: Path, duckdb_file: Path) -> Place:
    return duckdb_place_at(duckdb_file, storage=tmp_path / "storage")


@pytest.fixture
def bigquery_place(bigquery_url: str, tmp_path: Path) -> Iterator[Place]:
    with bigquery_place_at(bigquery_url, open_storage(str(tmp_path / "storage"))) as place:
        yield place


@pytest.fixture
def real_bigquery_place(tmp_path: Path) -> Iterator[Place]:
    base, _, options = os.environ[REAL].partition("?")
    url = f"{base}_{uuid4().hex}?{options}"
    with bigquery_place_at(url, open_storage(str(tmp_path / "storage"))) as place:
        yield place


@pytest.fixture
def server() -> Iterator[RecordingBigQuery]:
    with recording_bigquery() as state:
        yield state


@pytest.fixture
def naps() -> list[float]:
    """Seconds that were not slept."""
    return []


@pytest.fixture
def wired(server: RecordingBigQuery, naps: list[float], tmp_path: Path) -> Place:
    return wired_place(server, open_storage(str(tmp_path)), naps)
