"""docs/lead_details.md: its columns are those of the code, its queries give the tables below them on DuckDB."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.entities import LEADS, Column
from amocrm_assets.entities.lead_details import LEAD_DETAILS
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.files import rows_name
from amocrm_assets.warehouse import LoadResult, ShardLoad
from amocrm_assets_tests.rows.days import keep, lead, source
from amocrm_assets_tests.warehouse.places import Place, duckdb_place_at

DOCUMENT = (Path(__file__).parents[2] / "docs" / "lead_details.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
DAY = date(2026, 3, 3)
AT = 1_772_528_400  # 2026-03-03T12:00 in Moscow
MACHINE, COFFEE = 71, 72
WHOLESALE, URGENT = ({"id": place, "name": name, "color": None} for place, name in ((3, "опт"), (4, "срочно")))


def type_of(column: Column) -> str:
    parts = ", ".join(f"{part.name} {part.type}" for part in column.columns)
    mode = " REPEATED" if column.mode == "REPEATED" else ""
    return f"{column.type}{mode}" + (f" {{{parts}}}" if parts else "")


def test_the_columns_are_those_of_the_table() -> None:
    lines = DOCUMENT.partition("| column |")[2].split("\n\n")[0].splitlines()[2:]
    assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines] == [
        [f"`{column.name}`", type_of(column), column.description, f"`{column.sent_as}`"]
        for column in LEAD_DETAILS.columns
    ]


def test_each_query_of_the_document_is_one_of_these() -> None:
    assert len(re.findall(r"```sql", DOCUMENT)) == len(EXAMPLE.findall(DOCUMENT)) == 3


def product(product_id: int, quantity: int) -> dict[str, Any]:
    return {"id": product_id, "metadata": {"quantity": quantity, "catalog_id": 7, "price_id": None}}


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("documented")
    place = duckdb_place_at(folder / "warehouse.duckdb", storage=folder / "storage")
    hanging = [
        {
            "companies": [{"id": 41}],
            "contacts": [{"id": 52, "is_main": True}],
            "catalog_elements": [product(MACHINE, 1)],
            "tags": [WHOLESALE],
        },
        {
            "contacts": [{"id": 53, "is_main": True}],
            "catalog_elements": [product(COFFEE, 20), product(MACHINE, 2)],
            "tags": [WHOLESALE, URGENT],
        },
    ]
    leads = [
        lead(number, updated_at=AT, name=name, price=price, _embedded=embedded)
        for number, name, price, embedded in zip(
            (1, 2), ("Кофемашина", "Кофе, 20 кг"), (2000, 500), hanging, strict=True
        )
    ]
    keep(place.storage, leads, day=DAY, subdomain="my-shop")
    settings = source(subdomain="my-shop")
    loads = []
    for table in LEADS.tables:
        count = write_rows(LEADS, place.storage, settings, DAY, table=table).row_count
        loads.append(ShardLoad(table, "my-shop", DAY, rows_name(table, "my-shop", DAY), count))
    outcomes = [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id="run-1")]
    assert all(isinstance(outcome, LoadResult) for outcome in outcomes), outcomes
    return place


@pytest.mark.parametrize(
    ("query", "table"), [pytest.param(query, table, id=title) for title, query, table in EXAMPLE.findall(DOCUMENT)]
)
def test_a_documented_query_gives_the_documented_table(documented: Place, query: str, table: str) -> None:
    wanted = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    found = [
        ["" if cell is None else f"{float(cell):g}" if not isinstance(cell, str) else cell for cell in row]
        for row in documented.query(query)
    ]
    assert found == wanted
