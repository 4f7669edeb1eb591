"""docs/analysing.md: its queries give the tables below them, on both warehouses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities.lead_details import LEAD_DETAILS
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.shard import arrow_schema
from amocrm_assets.warehouse import LoadResult, ShardLoad, TableLoad
from amocrm_assets_tests.emulator import PROJECT, Emulator
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.warehouse.documented import Asked, filled_bigquery, filled_duckdb, shown_rows
from amocrm_assets_tests.warehouse.places import Place, lead

pytestmark = pytest.mark.slow

DOCUMENT = (Path(__file__).parents[2] / "docs" / "analysing.md").read_text(encoding="utf-8")
ON_DUCKDB, ON_BIGQUERY, *QUERIES = re.findall(r"```sql\n(.+?)```", DOCUMENT, re.DOTALL)
EXAMPLES = re.findall(
    r"^### ([^\n]+)\n\n```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", DOCUMENT, re.MULTILINE | re.DOTALL
)
DATASET = "analysed"


def user(user_id: int, name: str, group_id: int | None) -> dict[str, Any]:
    return {"id": user_id, "name": name, "rights": {"is_active": True, "group_id": group_id}}


def stage(status_id: int, name: str, sort: int) -> dict[str, Any]:
    return {"id": status_id, "name": name, "sort": sort, "type": 0}


LISTS: dict[str, Any] = {
    "users": [user(1, "Anna Maple", 346), user(2, "Peter Reed", None)],
    "pipelines": [
        {
            "id": 11,
            "name": "Sales",
            "sort": 1,
            "_embedded": {
                "statuses": [
                    stage(22, "Offer sent", 20),
                    stage(21, "Talks", 10),
                    stage(142, "Won", 90),
                    stage(143, "Lost", 91),
                ]
            },
        }
    ],
    "loss_reasons": [{"id": 5, "name": "Too expensive", "created_at": 1_690_000_000}],
    "account": [
        {
            "id": 7,
            "_embedded": {"users_groups": [{"id": 0, "name": "Sales team"}, {"id": 346, "name": "Wholesale"}]},
        }
    ],
}


def seconds(month: int, day: int, hour: int = 12) -> int:
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp())


def fill(place: Place) -> None:
    """Two days of leads: one moves on, one is deleted, one is lost in Moscow's March that is February in UTC."""
    capture(place.storage, night(0), LISTS, subdomain="my-shop")

    def some(number: int, at: int, **columns: Any) -> dict[str, Any]:
        return lead(number, pipeline_id=11, updated_at=at, **columns)

    first, second = seconds(3, 3), seconds(3, 4)
    days = {
        date(2026, 3, 3): [
            some(1, first, status_id=21, responsible_user_id=1, sale=100),
            some(2, first, status_id=142, responsible_user_id=2, sale=800),
            some(3, first, status_id=22, responsible_user_id=1, sale=300),
            some(
                4, first, status_id=143, responsible_user_id=1, sale=50, loss_reason_id=5, closed_at=seconds(2, 20)
            ),
            some(5, first, status_id=21, responsible_user_id=1, sale=999),
            some(6, first, status_id=142, responsible_user_id=1, sale=200),
        ],
        date(2026, 3, 4): [
            some(1, second, status_id=22, responsible_user_id=1, sale=400),
            some(5, second, status_id=None, responsible_user_id=None, sale=None, is_deleted=True),
            some(
                7,
                second,
                status_id=143,
                responsible_user_id=2,
                sale=1,
                closed_at=seconds(2, 28, 22),
                loss_reason_id=5,
            ),
            some(8, second, status_id=143, responsible_user_id=2, sale=1, closed_at=seconds(3, 4)),
            some(9, second, status_id=142, responsible_user_id=2, sale=100),
            some(10, second, status_id=21, responsible_user_id=2, sale=150),
        ],
    }
    place.load_shards(*[place.load(day, leads, subdomain="my-shop") for day, leads in days.items()])
    put_details(place, first, second)
    place.load_shards(place.load(date(2026, 3, 4), [some(99, second, status_id=21)], subdomain="my-shop-eu"))
    written = write_reference_tables(REFERENCE_TABLES, place.storage, "my-shop")
    loads = [
        TableLoad(each, "my-shop", written[each.asset].name, written[each.asset].row_count)
        for each in REFERENCE_TABLES
    ]
    outcomes = [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id="run")]
    assert all(isinstance(outcome, LoadResult) for outcome in outcomes), outcomes


def put_details(place: Place, first: int, second: int) -> None:
    """What hangs on some of the leads; that of the first is another one on the day after."""

    def some(number: int, at: int, main_contact_id: int | None = None, **columns: Any) -> dict[str, Any]:
        products = [{"id": each, "quantity": count} for each, count in columns.pop("products", ())]
        lists = {"contacts": [], "tags": [], "catalog_elements": products}
        return {"id": number, "updated_at": at, "main_contact_id": main_contact_id, **lists, **columns}

    days = {
        date(2026, 3, 3): [
            some(1, first, 50),
            some(2, first, 52, products=[(71, 2), (72, 20)]),
            some(3, first, products=[(73, 5)]),
        ],
        date(2026, 3, 4): [
            some(1, second, 51, company_id=41),
            some(9, second, 51, company_id=41, products=[(71, 1)]),
        ],
    }
    loads = []
    for day, rows in days.items():
        name = f"rows/my-shop/lead_details/{day}.parquet"
        with place.storage.temp_file(name) as file:
            pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(LEAD_DETAILS)), file)
            place.storage.replace(name, file)
        loads.append(ShardLoad(LEAD_DETAILS, "my-shop", day, name, len(rows)))
    outcomes = [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id="run")]
    assert all(isinstance(outcome, LoadResult) for outcome in outcomes), outcomes


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("analysed")
    filled_duckdb(folder, fill)
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as connection:
        connection.execute(ON_DUCKDB)
        yield lambda query: connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def on_bigquery(bigquery_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Asked with the changes that the document names."""

    def translated(query: str) -> str:
        named = f"{ON_BIGQUERY}{query}".replace("my-project.crm.", f"{PROJECT}.{DATASET}.")
        return named.replace("to_timestamp", "TIMESTAMP_SECONDS").replace("AS items(item)", "AS item")

    with filled_bigquery(bigquery_emulator, DATASET, tmp_path_factory.mktemp("storage"), fill) as run_query:
        yield lambda query: run_query(translated(query))


@pytest.mark.parametrize("warehouse", ["on_duckdb", "on_bigquery"])
@pytest.mark.parametrize(("query", "table"), [pytest.param(*each, id=title) for title, *each in EXAMPLES])
def test_a_documented_query_gives_the_documented_rows(
    request: pytest.FixtureRequest, warehouse: str, query: str, table: str
) -> None:
    run_query: Asked = request.getfixturevalue(warehouse)
    assert [[str(value) for value in row] for row in run_query(query)] == shown_rows(table)


def test_each_query_of_the_document_is_one_of_these() -> None:
    assert [query for _, query, _ in EXAMPLES] == QUERIES
    assert len(QUERIES) == 5
