from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pyarrow as pa
import pytest

from amocrm_assets.captures import OpenCapture
from amocrm_assets.entities import LEADS, TASKS, Column, Entity, Table
from amocrm_assets.errors import InternalError
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.rows.record_types import RecordTypes, record_types
from amocrm_assets.shard import arrow_schema
from amocrm_assets_tests.companies_lite import COMPANIES, company, company_stub
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, capture_header, field, source

if TYPE_CHECKING:
    from amocrm_assets.rows.day_rows import DayRows

Json = dict[str, Any]
OWN, OWNERS = COMPANIES.tables


def merged(*captures: list[Json], table: Table = OWN) -> DayRows:
    opened = [
        OpenCapture(capture_header(number), iter([json.dumps(sent).encode() for sent in sent_by]))
        for number, sent_by in enumerate(captures)
    ]
    return rows_of_day(COMPANIES, opened, source=source(), day=DAY, table=table)


def rows_of(*captures: list[Json], table: Table = OWN) -> list[Json]:
    schema = arrow_schema(table)
    found = pa.concat_tables([schema.empty_table(), *merged(*captures, table=table).tables()])
    assert found.schema == schema
    found.validate(full=True)
    rows: list[Json] = found.to_pylist()
    return rows


@pytest.mark.parametrize(
    ("entity", "table"), [(LEADS, LEADS.table), (COMPANIES, OWN), (COMPANIES, OWNERS)], ids=str
)
def test_records_have_the_columns_of_their_table_in_its_order(entity: Entity, table: Table) -> None:
    types = record_types(entity, table)
    for made in (types.any, types.known):
        assert made.__struct_fields__[: len(table.columns)] == table.column_names  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["known", "any"])
def test_a_record_needs_its_key_and_its_time_alone(kind: Literal["known", "any"]) -> None:
    decode = msgspec.json.Decoder(getattr(RecordTypes(LEADS, LEADS.table), kind)).decode
    record = decode(b'{"id":1,"updated_at":null}')
    assert {name for name in LEADS.table.column_names if getattr(record, name) is not None} == {"id"}
    for lacking in (b'{"id":1}', b'{"updated_at":5}', b'{"id":null,"updated_at":5}'):
        with pytest.raises(msgspec.ValidationError):
            decode(lacking)


def test_only_known_properties_make_a_known_record() -> None:
    types = RecordTypes(LEADS, LEADS.table)
    known, unknown = b'{"id":1,"updated_at":5,"_links":{}}', b'{"id":1,"updated_at":5,"links":{}}'
    assert msgspec.json.decode(known, type=types.known) == types.known(
        id=1, updated_at=5, _links=msgspec.Raw(b"{}")
    )  # type: ignore[call-arg]
    assert msgspec.json.decode(unknown, type=types.any) == types.any(id=1, updated_at=5)  # type: ignore[call-arg]
    with pytest.raises(msgspec.ValidationError, match="links"):
        msgspec.json.decode(unknown, type=types.known)


def test_records_are_deleted_and_have_fields_only_where_columns_say_so() -> None:
    leads, tasks = (RecordTypes(entity, entity.table) for entity in (LEADS, TASKS))
    assert (leads.has_custom_fields, tasks.has_custom_fields) == (True, False)
    deleted: Any = leads.any
    assert [leads.is_deleted(deleted(id=1, updated_at=5, is_deleted=each)) for each in (True, False, None)] == [
        *(True, False, False),
    ]
    task: Any = tasks.any
    assert tasks.is_deleted(task(id=1, updated_at=5)) is False


def test_a_record_of_another_entity_fills_the_columns_that_are_declared() -> None:
    city = field("text", {"value": "Тверь"}, field_id=5, field_name="Город")
    (row,) = rows_of([company(1, custom_fields_values=[city])])
    assert row == {
        "id": 1,
        "custom_fields": [
            {"id": 5, "name": "Город", "is_system": None, "values": [{"value": "Тверь", "enum": None}]}
        ],
        "title": "ООО 1",
        "created_at": 1_767_229_100,
        "updated_at": UPDATED_AT,
        "is_deleted": False,
    }


def test_a_stub_of_another_entity_keeps_the_columns_of_its_last_full_version() -> None:
    (row,) = rows_of([company(1)], [company_stub(1, updated_at=UPDATED_AT + 5)])
    assert (row["title"], row["is_deleted"], row["updated_at"]) == ("ООО 1", True, UPDATED_AT + 5)


def test_a_second_table_of_the_same_captures_has_the_same_versions() -> None:
    city = field("text", {"value": "Тверь"})
    captures = (
        [company(1, custom_fields_values=[city]), company(2, custom_fields_values=[city]), company(3)],
        [company_stub(1, updated_at=UPDATED_AT + 5), company(2, responsible_user_id=8, updated_at=UPDATED_AT + 1)],
        [company_stub(4)],
    )
    own, owners = rows_of(*captures), rows_of(*captures, table=OWNERS)
    shared = ("id", "updated_at", "is_deleted")
    assert [[row[name] for name in shared] for row in own] == [[row[name] for name in shared] for row in owners]
    assert [row["responsible_user_id"] for row in owners] == [7, 8, 7, None]


@pytest.mark.parametrize("table", COMPANIES.tables, ids=lambda table: table.asset)
def test_what_is_known_and_what_is_odd_is_the_entitys_own(table: Table) -> None:
    rows = merged([company(1, price=5), company("x"), company(2, updated_at="скоро")], table=table)  # type: ignore[arg-type]
    assert rows.unknown_properties == ("price",)
    assert {(oddity.kind, oddity.example) for oddity in rows.oddities} == {
        ("id: text instead of an integer", "company 2 of the capture of 2026-01-02T00:00:00Z"),
        ("updated_at: not an integer", "2"),
    }


def test_a_column_that_nothing_fills_is_refused_with_its_name() -> None:
    tags = Column("tags", "RECORD", "Tags.", "REPEATED", (Column("id", "INTEGER", "Id."),))
    table = replace(OWN, columns=(*OWN.columns, tags))
    with pytest.raises(InternalError, match="tags"):
        rows_of([company(1)], table=table)
