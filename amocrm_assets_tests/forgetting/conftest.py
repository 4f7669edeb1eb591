"""Places in which somebody is to be forgotten: each storage and each warehouse in turn."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets.storage.gcs import GcsStorage
from amocrm_assets_tests.forgetting.people import Place, local_place
from amocrm_assets_tests.storage.conftest import gcs, gcs_server
from amocrm_assets_tests.storage.fake_gcs import BUCKET
from amocrm_assets_tests.storage.places import Place as StoragePlace
from amocrm_assets_tests.warehouse.places import bigquery_place_at, duckdb_place_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets_tests.emulator import Emulator

__all__ = ["gcs", "gcs_server"]


class SharedBucket(GcsStorage):
    """A bucket of the storage's fake whose files BigQuery's emulator reads, too, as Google's reads its own."""

    def __init__(self, url: str, emulator: Emulator) -> None:
        super().__init__(url, lease_seconds=60, give_up_seconds=2)
        self._folder = emulator.buckets / url.removeprefix("gs://")

    def replace(self, name: str, file: Path) -> None:
        super().replace(name, file)
        beside = self._folder / name
        beside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, beside)


@pytest.fixture(params=["folder and duckdb", "gs and duckdb", "folder and bigquery", "gs and bigquery"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Two days of leads, calls and users of two people, in captures, rows and tables."""
    storage, _, warehouse = request.param.partition(" and ")
    with ExitStack() as stack:
        if storage == "gs":
            request.getfixturevalue("gcs")
            kept = StoragePlace(f"gs://{BUCKET}/some/prefix").opened()
            if warehouse == "bigquery":
                emulator = request.getfixturevalue("bigquery_emulator")
                kept = SharedBucket(f"gs://{BUCKET}/{uuid4().hex}", emulator)
        else:
            kept = open_storage(str(tmp_path / "data"))
        if warehouse == "bigquery":
            url = request.getfixturevalue("bigquery_url")
            found = stack.enter_context(bigquery_place_at(url, kept)).warehouse
        else:
            found = duckdb_place_at(tmp_path / "warehouse.duckdb", storage=tmp_path).warehouse
        yield Place(kept, found)


@pytest.fixture
def local(tmp_path: Path) -> Place:
    """A folder and DuckDB."""
    return local_place(tmp_path)
