"""docs/leads_latest.md: its columns are those of the code, its queries give its tables on both warehouses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.entities import LEADS, latest_table
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets_tests.rows.days import field, keep, lead, stub
from amocrm_assets_tests.rows.latest_table.tables import day, seconds, settings
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.warehouse.documented import Asked, asked_of, shown_rows
from amocrm_assets_tests.warehouse.latest import put_latest
from amocrm_assets_tests.warehouse.places import Place
from amocrm_assets_tests.warehouse.test_analysing_document import LISTS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "leads_latest.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", DOCUMENT, re.MULTILINE | re.DOTALL
)
BY = settings(
    subdomain="my-shop", import_reference=True, leads_custom_fields=[{"field": "City", "column": "city"}, 2]
)
DATASET = "flat"


def some(number: int, on: int, **properties: Any) -> dict[str, Any]:
    city, area = ("Perm", 10 * number + 5) if number < 4 else ("Ufa", 7)
    filled = [
        field("text", {"value": city}, field_id=1, field_name="City"),
        *([field("numeric", {"value": str(area)}, field_id=2, field_name="Area")] if number in (1, 3, 4) else []),
    ]
    return lead(number, updated_at=seconds(on), custom_fields_values=filled, **properties)


def fill(place: Place) -> None:
    fields = [
        {"id": 1, "name": "City", "type": "text"},
        {"id": 2, "name": "Area", "type": "numeric"},
    ]
    capture(place.storage, night(0), LISTS | {"leads_custom_fields": fields}, subdomain="my-shop")
    days = {
        -1: [some(6, -1, status_id=142, responsible_user_id=2, price=600, closed_at=seconds(65 - 365))],
        0: [
            some(1, 0, status_id=22, responsible_user_id=1, price=100),
            some(2, 0, status_id=142, responsible_user_id=2, price=800, closed_at=seconds(65)),
            some(3, 0, status_id=22, responsible_user_id=1, price=300),
            some(4, 0, status_id=22, responsible_user_id=1, price=400),
            some(5, 0, status_id=142, responsible_user_id=1, price=900, closed_at=seconds(65)),
        ],
        1: [some(1, 1, status_id=21, responsible_user_id=1, price=150), stub(5, updated_at=seconds(1))],
    }
    for number, leads in days.items():
        keep(place.storage, leads, fields=fields, day=day(number), subdomain="my-shop")
        write_rows(LEADS, place.storage, BY, day(number))
    write_reference_tables(REFERENCE_TABLES, place.storage, "my-shop")
    put_latest(place, BY)


on_duckdb, on_bigquery = asked_of(fill, dataset=DATASET)


@pytest.mark.slow
@pytest.mark.parametrize("warehouse", ["on_duckdb", "on_bigquery"])
@pytest.mark.parametrize(("query", "table"), [pytest.param(*each, id=title) for title, *each in EXAMPLES])
def test_a_documented_query_gives_the_documented_rows(
    request: pytest.FixtureRequest, warehouse: str, query: str, table: str
) -> None:
    run_query: Asked = request.getfixturevalue(warehouse)
    assert [[str(value).removesuffix(".000000000") for value in row] for row in run_query(query)] == shown_rows(
        table
    )


def test_each_query_of_the_document_is_one_of_these() -> None:
    assert len(EXAMPLES) == DOCUMENT.count("```sql") == 3


def test_the_columns_are_those_of_the_table() -> None:
    added = latest_table(LEADS.table).columns[len(LEADS.table.columns) :]
    lines = [f"| `{column.name}` | {column.type} | {column.description} |" for column in added]
    assert "\n".join(lines) in DOCUMENT
