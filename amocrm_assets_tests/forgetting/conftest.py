"""Places in which somebody is to be forgotten: each storage and each warehouse in turn."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets_tests.forgetting.people import Place
from amocrm_assets_tests.storage.conftest import gcs, gcs_server
from amocrm_assets_tests.storage.fake_gcs import BUCKET
from amocrm_assets_tests.storage.places import Place as StoragePlace
from amocrm_assets_tests.warehouse.places import bigquery_place_at, duckdb_place_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["gcs", "gcs_server"]


@pytest.fixture(params=["folder and duckdb", "gs and duckdb", "folder and bigquery"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Two days of leads, calls and users of two people, in captures, rows and tables."""
    storage, _, warehouse = request.param.partition(" and ")
    with ExitStack() as stack:
        if storage == "gs":
            request.getfixturevalue("gcs")
            kept = StoragePlace(f"gs://{BUCKET}/some/prefix").opened()
        else:
            kept = open_storage(str(tmp_path / "data"))
        if warehouse == "bigquery":
            url = request.getfixturevalue("bigquery_url")
            found = stack.enter_context(bigquery_place_at(url, kept)).warehouse
        else:
            found = duckdb_place_at(tmp_path / "warehouse.duckdb", storage=tmp_path).warehouse
        yield Place(kept, found)
