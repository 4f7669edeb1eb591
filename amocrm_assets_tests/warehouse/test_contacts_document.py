"""docs/contacts.md: its columns are those of the code, its queries give these rows in both warehouses."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import COMPANIES, CONTACTS, LEADS, Column, latest_table
from amocrm_assets.rows import rows_name, write_rows
from amocrm_assets.warehouse import LoadResult, ShardLoad
from amocrm_assets_tests.rows.days import field, keep, lead, source
from amocrm_assets_tests.rows.parties import company, contact
from amocrm_assets_tests.warehouse.documented import Asked, asked_of, shown_rows
from amocrm_assets_tests.warehouse.latest import put_latest
from amocrm_assets_tests.warehouse.places import Place

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity

DOCUMENT = (Path(__file__).parents[2] / "docs" / "contacts.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^### ([^\n]+)\n\n(?:[^#`\n][^\n]*\n\n)?```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)",
    DOCUMENT,
    re.MULTILINE | re.DOTALL,
)
BEFORE, DAY = date(2026, 3, 2), date(2026, 3, 3)
AT = 1_772_528_400  # 2026-03-03T12:00 in Moscow
EARLIER = AT - 86_400
DATASET = "contacts"
LISTED = {"id": 5, "name": "Phone", "code": "PHONE", "type": "multitext", "is_predefined": True}
PHONES = field(
    "multitext",
    {"value": "+7 999 000-11-22"},
    {"value": "8 900 000 33 44"},
    field_id=5,
    field_name="Phone",
    field_code="PHONE",
)


def type_of(column: Column) -> str:
    parts = ", ".join(f"{part.name} {type_of(part)}" for part in column.columns)
    mode = " REPEATED" if column.mode == "REPEATED" else ""
    return f"{column.type}{mode}" + (f" {{{parts}}}" if parts else "")


@pytest.mark.parametrize(("heading", "entity"), [("## Contacts\n", CONTACTS), ("## Companies\n", COMPANIES)])
def test_the_columns_are_those_of_the_table(heading: str, entity: Entity) -> None:
    lines = DOCUMENT.partition(heading)[2].partition("| column |")[2].split("\n\n")[0].splitlines()[2:]
    assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines] == [
        [f"`{column.name}`", type_of(column), column.description, f"`{column.sent_as}`"]
        for column in entity.table.columns
    ]


def fill(place: Place) -> None:
    """A company with three contacts, one of whom has two won leads, and a private person with one.

    Only one contact and the company without contacts were edited on the second day.
    """
    hanging = [(52, [{"id": 41}]), (52, [{"id": 41}]), (55, [])]
    leads = [
        lead(
            number,
            updated_at=EARLIER if number == 2 else AT,
            price=price,
            _embedded={"companies": companies, "contacts": [{"id": main, "is_main": True}], "loss_reason": []},
        )
        for number, price, (main, companies) in zip((1, 2, 3), (800, 200, 500), hanging, strict=True)
    ]
    leads.append(lead(4, updated_at=AT, status_id=21, price=999))
    people = [
        contact(
            number,
            updated_at=AT if number == 55 else EARLIER,
            name=name,
            _embedded={"companies": companies, "tags": [], "leads": [{"id": 1}, {"id": 2}]},
            custom_fields_values=[PHONES] if number == 52 else None,
        )
        for number, name, companies in [
            (52, "Mary Fern", [{"id": 41}]),
            (53, "Anna Maple", [{"id": 41}]),
            (54, "Peter Reed", [{"id": 41}]),
            (55, "Tom Alder", []),
        ]
    ]
    firms = [company(41, updated_at=EARLIER, name="Birch & Co"), company(42, updated_at=AT, name="Orchard Labs")]
    named = [{"field": "PHONE", "column": "phone"}]
    settings, loads = source(subdomain="my-shop", contacts_custom_fields=named, import_reference=False), []
    for entity, records in ((LEADS, leads), (CONTACTS, people), (COMPANIES, firms)):
        for day in (BEFORE, DAY):
            edited = [each for each in records if (each["updated_at"] >= AT) == (day == DAY)]
            keep(place.storage, edited, day=day, subdomain="my-shop", entity=entity, fields=[LISTED])
            for table in entity.tables:
                count = write_rows(entity, place.storage, settings, day, table=table).row_count
                loads.append(ShardLoad(table, "my-shop", day, rows_name(table, "my-shop", day), count))
    outcomes = [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id="run-1")]
    assert all(isinstance(outcome, LoadResult) for outcome in outcomes), outcomes
    for entity in (LEADS, CONTACTS, COMPANIES):
        put_latest(place, settings, entity=entity)


on_duckdb, on_bigquery = asked_of(fill, dataset=DATASET)


@pytest.mark.slow
@pytest.mark.parametrize("warehouse", ["on_duckdb", "on_bigquery"])
@pytest.mark.parametrize(("query", "table"), [pytest.param(*each, id=title) for title, *each in EXAMPLES])
def test_a_documented_query_gives_the_documented_rows(
    request: pytest.FixtureRequest, warehouse: str, query: str, table: str
) -> None:
    run_query: Asked = request.getfixturevalue(warehouse)
    assert [[str(value) for value in row] for row in run_query(query)] == shown_rows(table)


def test_each_query_of_the_document_is_one_of_these() -> None:
    assert len(re.findall(r"```sql", DOCUMENT)) == len(EXAMPLES) == 4


def test_the_columns_of_the_flat_tables_are_those_of_the_code() -> None:
    for entity in (CONTACTS, COMPANIES):
        added = latest_table(entity.table).columns[len(entity.table.columns) :]
        lines = [f"| `{column.name}` | {column.type} | {column.description} |" for column in added]
        assert "\n".join(lines).replace(entity.table.record, "contact") in DOCUMENT
