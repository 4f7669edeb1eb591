"""What tests of documented queries share: a filled warehouse of each kind to ask, and the rows that are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets_tests.emulator import PROJECT, Emulator
from amocrm_assets_tests.warehouse.places import Place, bigquery_place_at, duckdb_place_at

Asked = Callable[[str], list[tuple[Any, ...]]]
Fill = Callable[[Place], None]


def filled_duckdb(folder: Path, fill: Fill) -> Place:
    """A DuckDB file `warehouse.duckdb` in the folder."""
    place = duckdb_place_at(folder / "warehouse.duckdb", storage=folder / "storage")
    fill(place)
    return place


@contextmanager
def filled_bigquery(emulator: Emulator, dataset: str, folder: Path, fill: Fill) -> Iterator[Asked]:
    """A dataset, asked with the change that documents name: tables by project and dataset, in backticks."""
    url = f"bigquery://{PROJECT}/{dataset}?location=EU&endpoint={emulator.url}"
    with bigquery_place_at(url, open_storage(str(folder))) as place:
        fill(place)
        yield lambda query: place.query(re.sub(r'"(amoCrm[\w-]+)"', rf"`{PROJECT}.{dataset}.\1`", query))


def asked_of(fill: Fill, *, dataset: str) -> tuple[Any, Any]:
    """Fixtures of a module, a DuckDB file and a dataset of BigQuery's emulator, that hold the same."""

    @pytest.fixture(scope="module")
    def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Asked:
        return filled_duckdb(tmp_path_factory.mktemp("documented"), fill).query

    @pytest.fixture(scope="module")
    def on_bigquery(bigquery_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
        with filled_bigquery(bigquery_emulator, dataset, tmp_path_factory.mktemp("storage"), fill) as run_query:
            yield run_query

    return on_duckdb, on_bigquery


def shown_rows(table: str) -> list[list[str]]:
    """The cells of a table in Markdown, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
