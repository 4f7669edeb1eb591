"""Every query of docs/bigquery.md is run, and gives the table that is below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.rows import rows_name
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.emulator import PROJECT, Emulator
from amocrm_assets_tests.rows.days import rewrite_rows
from amocrm_assets_tests.rows.latest_table.tables import settings
from amocrm_assets_tests.warehouse.latest import put_latest
from amocrm_assets_tests.warehouse.places import Lead, Place, bigquery_place_at, lead

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs" / "bigquery.md"
DATASET = "documented"

# A query, and the Markdown table that follows it.
EXAMPLE = re.compile(r"^#+ ([^\n]+)$|```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[Any]:
    heading, number = "", 0
    for title, query, table in EXAMPLE.findall(DOCUMENT.read_text()):
        if title:
            heading, number = title, 0
        else:
            number += 1
            yield pytest.param(query, table, id=f"{heading} {number}")


def field(number: int, name: str, **values: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "is_system": False,
        "values": [{"value": value, "enum": enum} for value, enum in values.items()],
    }


def small(number: int, name: str, sale: int, *fields: dict[str, Any], at: int, is_deleted: bool = False) -> Lead:
    created_at = 1_767_254_400 + 3600 * number  # noon in Moscow on January 1st for the first lead
    return lead(
        number,
        name=name,
        sale=sale,
        custom_fields=list(fields),
        created_at=created_at,
        updated_at=created_at + 86_400 * at,
        is_deleted=is_deleted,
    )


@pytest.fixture(scope="module")
def documented(bigquery_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The shards that the document describes."""
    perm, kazan = field(1, "City", Perm=11), field(1, "City", Kazan=12)
    colours = field(2, "Colours", red=21, blue=22)
    url = f"bigquery://{PROJECT}/{DATASET}?location=EU&endpoint={bigquery_emulator.url}"
    with bigquery_place_at(url, open_storage(str(tmp_path_factory.mktemp("storage")))) as place:
        days = {
            date(2026, 1, 1): [small(1, "Shoes", 100, perm, colours, at=0), small(2, "Scarves", 200, at=0)],
            date(2026, 1, 2): [small(1, "Boots", 500, perm, at=1), small(3, "Hats", 70, kazan, at=1)],
            date(2026, 1, 3): [small(3, "Hats", 70, kazan, at=2, is_deleted=True)],
        }
        place.load_shards(*[place.load(day, leads) for day, leads in days.items()])
        place.load_shards(place.load(date(2026, 1, 2), [small(9, "Theirs", 1, at=1)], subdomain="acme_eu"))
        for day in days:
            with place.storage.as_local_path(rows_name(LEADS.table, "acme", day)) as path:
                rewrite_rows(path, pq.read_table(path))
        put_latest(place, settings(subdomain="acme"))
        yield place


def written(value: object) -> str:
    """A value as the document writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


@pytest.mark.parametrize(("query", "table"), list(examples()))
def test_a_documented_query_gives_the_documented_rows(documented: Place, query: str, table: str) -> None:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    _, _, *expected = lines

    rows = documented.query(query.replace("my-project.crm.", f"{PROJECT}.{DATASET}."))

    assert [[written(value) for value in row] for row in rows] == expected


def test_no_documented_query_stands_without_its_result() -> None:
    text = DOCUMENT.read_text()

    assert text.count("```sql") == len(list(examples()))
