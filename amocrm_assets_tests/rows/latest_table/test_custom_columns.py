"""Custom fields as columns of the flat table: types, renames, twins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import LEADS, latest_table
from amocrm_assets.shard import arrow_schema
from amocrm_assets_tests.rows.days import field, lead
from amocrm_assets_tests.rows.latest_table import tables
from amocrm_assets_tests.rows.latest_table.tables import (
    SOURCE,
    day,
    defined,
    folder_storage,
    rows,
    seconds,
    table,
    write_day,
    written,
)

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

__all__ = ["folder_storage"]


def test_custom_fields_are_columns_of_their_type(storage: Storage) -> None:
    listed = [
        defined(1, "Площадь", "numeric"),
        defined(2, "Дата", "date"),
        defined(3, "Звонок", "date_time"),
        defined(4, "Согласие", "checkbox"),
        defined(5, "Каналы", "multiselect"),
        defined(6, "Пусто", "select"),
    ]
    moment = seconds(0)
    filled = [
        field("numeric", {"value": "12.5"}, field_id=1),
        field("date", {"value": moment}, field_id=2),
        field("date_time", {"value": moment}, field_id=3),
        field("checkbox", {"value": True}, field_id=4),
        field("multiselect", {"value": "почта", "enum_id": 1}, {"value": "чат", "enum_id": 2}, field_id=5),
    ]
    leads = [lead(1, updated_at=moment, custom_fields_values=filled), lead(2, updated_at=moment)]
    write_day(storage, 0, leads, by=SOURCE, fields=listed)
    first, second = rows(storage, SOURCE)
    assert [first[f"cf_{number}"] for number in range(1, 7)] == [
        Decimal("12.5"),
        day(0),
        datetime.fromtimestamp(moment, UTC),
        True,
        "почта, чат",
        None,
    ]
    assert {second[f"cf_{number}"] for number in range(1, 7)} == {None}
    (column,) = [each.column for each in written(storage, SOURCE).fields if each.fields == (1,)]
    assert column.description == "Площадь (custom field 1, numeric)."


def test_a_field_that_changes_its_type_takes_old_values_where_they_fit(storage: Storage) -> None:
    def of(text: str, kind: str) -> list[dict[str, Any]]:
        return [field(kind, {"value": text}, field_id=1)]

    leads = [
        lead(number, updated_at=seconds(0), custom_fields_values=of(text, "text"))
        for number, text in enumerate(["12.5", "about 3", "1e3", "-0.1234567891"])
    ]
    write_day(storage, 0, leads, by=SOURCE, fields=[defined(1, "Площадь", "text")])
    assert [row["cf_1"] for row in rows(storage, SOURCE)] == ["12.5", "about 3", "1e3", "-0.1234567891"]
    write_day(storage, 1, [], by=SOURCE, fields=[defined(1, "Площадь", "numeric")])
    assert [row["cf_1"] for row in rows(storage, SOURCE)] == [
        Decimal("12.5"),
        None,
        Decimal(1000),
        Decimal("-0.123456789"),
    ]
    assert written(storage, SOURCE).unfit == {"cf_1": 1}


def test_a_field_that_is_gone_keeps_its_values_as_text(storage: Storage) -> None:
    filled = [field("text", {"value": "a"}, field_id=1, field_name="Старое")]
    leads = [lead(1, updated_at=seconds(0), custom_fields_values=filled)]
    write_day(storage, 0, leads, by=SOURCE, fields=[defined(1, "Старое")])
    write_day(storage, 1, [], by=SOURCE, fields=[defined(2, "Новое")])
    (row,) = rows(storage, SOURCE)
    assert (row["cf_1"], row["cf_2"]) == ("a", None)
    (column,) = [each.column for each in written(storage, SOURCE).fields if each.fields == (1,)]
    assert column.description == "Старое (custom field 1, text, no longer in amoCRM)."


def test_a_source_names_columns_and_a_rename_in_amocrm_does_no_harm(storage: Storage) -> None:
    by = tables.settings(leads_custom_fields=[{"field": "Город", "column": "city"}, 2])
    filled = [
        field("text", {"value": "Пермь"}, field_id=1, field_name="Город"),
        field("text", {"value": "b"}, field_id=2, field_name="Два"),
        field("text", {"value": "c"}, field_id=3, field_name="Три"),
    ]
    listed = [defined(1, "Город"), defined(2, "Два"), defined(3, "Три")]
    write_day(storage, 0, [lead(1, updated_at=seconds(0), custom_fields_values=filled)], by=by, fields=listed)
    (row,) = rows(storage, by)
    assert (row["city"], row["cf_2"]) == ("Пермь", "b")
    assert "cf_1" not in row
    assert "cf_3" not in row

    write_day(storage, 1, [], by=by, fields=[defined(1, "Населённый пункт"), *listed[1:]])
    assert rows(storage, by)[0]["city"] == "Пермь"


def test_twins_share_the_column_that_a_source_gives_their_name(storage: Storage) -> None:
    by = tables.settings(leads_custom_fields=[{"field": "Город", "column": "city"}])
    filled = [
        field("text", {"value": "Пермь"}, field_id=1, field_name="Город"),
        field("text", {"value": "Уфа"}, field_id=2, field_name="Город"),
    ]
    listed = [defined(1, "Город"), defined(2, "Город", "numeric")]
    write_day(storage, 0, [lead(1, updated_at=seconds(0), custom_fields_values=filled)], by=by, fields=listed)
    assert rows(storage, by)[0]["city"] == "Пермь, Уфа"


def test_a_table_without_custom_fields_has_no_columns_of_them(storage: Storage) -> None:
    columns = tuple(each for each in LEADS.table.columns if each.name != "custom_fields")
    entity = replace(LEADS, tables=(replace(LEADS.table, columns=columns),), stubs_lack=("status_id",))
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE, entity=entity)
    assert [row["name"] for row in rows(storage, SOURCE, entity)] == ["Сделка 1"]


def test_a_field_without_an_id_has_no_column(storage: Storage) -> None:
    filled = [field("text", {"value": "a"}, field_id=each, field_name="Поле") for each in (None, 1)]
    write_day(storage, 0, [lead(1, updated_at=seconds(0), custom_fields_values=filled)], by=SOURCE)
    assert [each.column.name for each in written(storage, SOURCE).fields] == ["cf_1"]


def test_a_named_column_is_there_though_no_field_is_called_so(storage: Storage) -> None:
    by = tables.settings(leads_custom_fields=[{"field": "Город", "column": "city"}])
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=by)
    assert rows(storage, by)[0]["city"] is None


def test_the_columns_are_those_that_are_declared(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    assert table(storage, SOURCE).schema.remove_metadata() == arrow_schema(latest_table(LEADS.table))
