"""The flat table in every warehouse: all types, replaced whole, in the place of the view of older versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from amocrm_assets.entities import COMPANIES, CONTACTS, LEADS, Entity
from amocrm_assets_tests.rows.days import field, lead, stub
from amocrm_assets_tests.rows.latest_table.tables import day, defined, seconds, settings, write_day
from amocrm_assets_tests.rows.parties import company, contact
from amocrm_assets_tests.warehouse.latest import put_latest
from amocrm_assets_tests.warehouse.places import Place

pytestmark = pytest.mark.slow

BY = settings()
TABLE = "amoCrmLeadsLatest_acme"
LISTED = [defined(1, "Площадь", "numeric"), defined(2, "Дата", "date"), defined(3, "Да", "checkbox")]


def test_it_is_replaced_with_its_columns(place: Place) -> None:
    filled = [
        field("numeric", {"value": "12.5"}, field_id=1),
        field("date", {"value": seconds(0)}, field_id=2),
        field("checkbox", {"value": True}, field_id=3),
    ]
    leads = [lead(1, updated_at=seconds(0), custom_fields_values=filled), stub(2, updated_at=seconds(0))]
    write_day(place.storage, 0, leads, by=BY, fields=LISTED)
    put_latest(place, BY)
    columns = "id, day, created_date, updated_time, price, has_properties, cf_1, cf_2, cf_3"
    ask = f"SELECT {columns} FROM {place.quoted(TABLE)} ORDER BY id"
    first, second = place.query(ask)
    moment = datetime.fromtimestamp(seconds(0), UTC)
    assert first == (1, day(0), day(0), moment, Decimal(1000), True, Decimal("12.5"), day(0), True)
    assert second == (2, day(0), None, moment, None, False, None, None, None)

    write_day(place.storage, 1, [lead(3, updated_at=seconds(1))], by=BY, fields=[defined(1, "Площадь")])
    put_latest(place, BY, run_id="run-2")
    assert [row[0] for row in place.query(ask.replace("cf_1", "cf_1 AS text"))] == [1, 2, 3]
    assert place.query(f"SELECT cf_1 FROM {place.quoted(TABLE)} WHERE id = 1") == [("12.5",)]


@pytest.mark.parametrize(("entity", "make"), [(CONTACTS, contact), (COMPANIES, company)])
def test_the_tables_of_contacts_and_companies_come_back_with_their_lists(
    place: Place, entity: Entity, make: Callable[..., dict[str, Any]]
) -> None:
    links = {"leads": [{"id": 7}, {"id": 9}], "tags": [], "companies": [{"id": 41}]}
    phone = field("multitext", {"value": "+7"}, {"value": "8"}, field_id=1, field_name="Телефон")
    records = [
        make(1, updated_at=seconds(0), _embedded=links, custom_fields_values=[phone]),
        make(2, updated_at=seconds(0)),
    ]
    write_day(place.storage, 0, records, by=BY, fields=[defined(1, "Телефон", "multitext")], entity=entity)
    written = put_latest(place, BY, entity=entity)
    table = place.quoted(written.table.name_of(BY.subdomain, None))
    assert place.query(f"SELECT id, day, cf_1 FROM {table} ORDER BY id") == [
        (1, day(0), "+7, 8"),
        (2, day(0), None),
    ]
    ((listed,),) = place.query(f"SELECT lead_ids FROM {table} WHERE id = 1")
    assert list(listed) == [7, 9]


def test_it_takes_the_place_of_a_view_of_its_name(place: Place, duckdb_file: Path) -> None:
    write_day(place.storage, 0, [lead(1, updated_at=seconds(0))], by=BY)
    place.load_shards(place.load(day(0), []))
    shard = LEADS.table.shard_name("acme", day(0))
    make_view(place, duckdb_file, f"CREATE VIEW {place.quoted(TABLE)} AS SELECT id FROM {place.quoted(shard)}")
    write_day(place.storage, 0, [lead(1, updated_at=seconds(0))], by=BY)
    put_latest(place, BY)
    assert place.query(f"SELECT id, has_properties FROM {place.quoted(TABLE)}") == [(1, True)]


def make_view(place: Place, duckdb_file: Path, statement: str) -> None:
    """As an older version did. A place asks DuckDB for reading alone."""
    if not duckdb_file.exists():
        place.query(statement)
        return
    with duckdb.connect(duckdb_file) as connection:
        connection.execute(statement)
