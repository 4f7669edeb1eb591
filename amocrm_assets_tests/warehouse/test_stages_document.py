"""docs/stages.md: its columns are those of the code, its queries give its tables on both warehouses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.entities import STAGES
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.warehouse import LoadResult, TableLoad
from amocrm_assets_tests.rows.latest_table.tables import seconds
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.rows.stages.tables import (
    event,
    moved,
    settings,
    state,
    write_events,
    write_leads,
    written,
)
from amocrm_assets_tests.warehouse.documented import Asked, asked_of, shown_rows
from amocrm_assets_tests.warehouse.places import Place

DOCUMENT = (Path(__file__).parents[2] / "docs" / "stages.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", DOCUMENT, re.MULTILINE | re.DOTALL
)
BY = settings(subdomain="my-shop", import_reference=True)
DATASET = "stages"
HOUR = 3600
STATUSES = [
    {"id": number, "name": name, "sort": sort}
    for number, name, sort in ((21, "New", 10), (22, "Talks", 20), (142, "Won", 10000), (143, "Lost", 11000))
]


def fill(place: Place) -> None:
    """Leads 1 to 3 of January: won, lost and then reopened, in talks; 4 of February, new; 5 deleted.

    Lead 6 of the January before is new, too.
    """
    storage = place.storage
    at, later, before = seconds(0), seconds(35), seconds(-350)
    pipelines = [{"id": 11, "name": "Sales", "_embedded": {"statuses": STATUSES}}]
    capture(storage, night(0), {"pipelines": pipelines}, subdomain="my-shop")
    january = [
        *(event(number, "lead_added", number, at) for number in (1, 2, 3, 5)),
        moved(11, 1, at + 2 * HOUR, 21, 22),
        moved(12, 1, at + 8 * HOUR, 22, 142),
        moved(13, 2, at + HOUR, 21, 22),
        moved(14, 2, at + 3 * HOUR, 22, 143),
        moved(15, 2, at + 4 * HOUR, 143, 22),
        moved(16, 3, at + 3 * HOUR, 21, 22),
        event(17, "lead_deleted", 5, at + HOUR),
    ]
    added = {-350: [event(21, "lead_added", 6, before)], 35: [event(20, "lead_added", 4, later)]}
    write_events(storage, {0: january} | added, BY)
    last = {1: (8, 142), 2: (4, 22), 3: (3, 22), 5: (0, 21)}
    leads = [state(each, at + HOUR * hours, stage, made_at=at) for each, (hours, stage) in last.items()]
    others = {-350: [state(6, before, 21, made_at=before)], 35: [state(4, later, 21, made_at=later)]}
    write_leads(storage, {0: leads} | others, BY)
    write_reference_tables(REFERENCE_TABLES, storage, "my-shop")
    made = written(storage, BY)
    load = TableLoad(made.table, "my-shop", made.name, made.row_count)
    ((_, outcome),) = place.warehouse.load([load], storage, run_id="run")
    assert isinstance(outcome, LoadResult), outcome
    assert outcome.row_count == made.row_count == 12


on_duckdb, on_bigquery = asked_of(fill, dataset=DATASET)


def cell(value: Any) -> str:
    return value or "" if isinstance(value, str | None) else f"{float(value):g}"


@pytest.mark.slow
@pytest.mark.parametrize("warehouse", ["on_duckdb", "on_bigquery"])
@pytest.mark.parametrize(("query", "table"), [pytest.param(*each, id=title) for title, *each in EXAMPLES])
def test_a_documented_query_gives_the_documented_rows(
    request: pytest.FixtureRequest, warehouse: str, query: str, table: str
) -> None:
    run_query: Asked = request.getfixturevalue(warehouse)
    assert [[cell(value) for value in row] for row in run_query(query)] == shown_rows(table)


def test_both_warehouses_hold_the_same(on_duckdb: Asked, on_bigquery: Asked) -> None:
    names = [each.name for each in STAGES.columns if each.type in ("INTEGER", "STRING", "BOOLEAN")]
    query = f'SELECT {", ".join(names)} FROM "amoCrmLeadStages_my-shop" ORDER BY lead_id, stage_number'
    assert [tuple(row) for row in on_bigquery(query)] == [tuple(row) for row in on_duckdb(query)]


def test_each_query_of_the_document_is_one_of_these() -> None:
    assert len(EXAMPLES) == DOCUMENT.count("```sql") == 3


def test_the_columns_are_those_of_the_table() -> None:
    lines = DOCUMENT.partition("| column |")[2].split("\n\n")[0].splitlines()[2:]
    assert lines == [f"| `{each.name}` | {each.type} | {each.description} |" for each in STAGES.columns]
