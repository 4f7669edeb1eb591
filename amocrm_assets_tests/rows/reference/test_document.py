"""docs/reference.md: its queries give the tables below them on DuckDB; columns are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.entities.reference import HISTORY_COLUMNS, REFERENCE_TABLES
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.warehouse import LoadResult, TableLoad
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.warehouse.places import Place, duckdb_place_at, lead

DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[Any]:
    for title, query, table in EXAMPLE.findall(DOCUMENT):
        yield pytest.param(query, table, id=title)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def user(user_id: int, name: str) -> dict[str, Any]:
    return {"id": user_id, "name": name, "rights": {"is_active": True, "group_id": None}}


def pipeline(*stages: tuple[int, str]) -> dict[str, Any]:
    statuses = [{"id": status_id, "name": name, "type": 0} for status_id, name in stages]
    return {"id": 11, "name": "Sales", "sort": 1, "_embedded": {"statuses": statuses}}


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Leads of a day, and three readings: a manager and a stage are renamed, another manager leaves."""
    folder = tmp_path_factory.mktemp("documented")
    place = duckdb_place_at(folder / "warehouse.duckdb", storage=folder / "storage")
    reason = {"id": 5, "name": "Too expensive", "created_at": 1_690_000_000}
    for number, users, stages in (
        (0, [user(1, "Anna Birch"), user(2, "Peter Reed")], [(21, "Talks"), (22, "Proposal"), (142, "Won")]),
        (3, [user(1, "Anna Maple")], [(21, "Talks"), (22, "Offer sent"), (142, "Won")]),
    ):
        lists = {"users": users, "pipelines": [pipeline(*stages)], "loss_reasons": [reason]}
        capture(place.storage, night(number), lists, subdomain="my-shop")
    at = int(datetime(2026, 3, 3, 12, tzinfo=UTC).timestamp())
    common = {"pipeline_id": 11, "updated_at": at}
    leads = [
        lead(1, **common, status_id=21, responsible_user_id=1, sale=100),
        lead(2, **common, status_id=142, responsible_user_id=2, sale=200),
        lead(3, **common, status_id=22, responsible_user_id=1, sale=300, loss_reason_id=5),
        lead(4, **common, status_id=None, responsible_user_id=None, sale=None, is_deleted=True),
    ]
    place.load_shards(place.load(date(2026, 3, 3), leads, subdomain="my-shop"))
    written = write_reference_tables(REFERENCE_TABLES, place.storage, "my-shop")
    loads = [
        TableLoad(table, "my-shop", written[table.asset].name, written[table.asset].row_count)
        for table in REFERENCE_TABLES
    ]
    outcomes = [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id="run")]
    assert all(isinstance(outcome, LoadResult) for outcome in outcomes), outcomes
    return place


@pytest.mark.slow
@pytest.mark.parametrize(("query", "table"), list(examples()))
def test_a_documented_query_gives_the_documented_rows(query: str, table: str, documented: Place) -> None:
    rows = [tuple("" if value is None else str(value) for value in row) for row in documented.query(query)]
    assert rows == [tuple(cells(line)) for line in table.splitlines()[2:]]


def test_the_document_has_queries() -> None:
    assert len(list(examples())) == 4


def test_every_table_and_column_is_documented() -> None:
    for table in REFERENCE_TABLES:
        (line,) = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{table.asset}_{{SUBDOMAIN}}`")]
        _, key, columns = cells(line)
        assert re.findall(r"`(\w+)`", key) == list(table.key)
        assert re.findall(r"`(\w+)`", columns) == [
            *(column.name for column in table.properties),
            *table.from_settings,
        ]
    for column in HISTORY_COLUMNS:
        assert f"| `{column.name}` | {column.type} | {column.description} |" in DOCUMENT
