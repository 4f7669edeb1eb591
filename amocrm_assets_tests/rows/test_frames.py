from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired, SettingsError
from amocrm_assets.rows import read_rows, to_pandas_types, widen_custom_fields, write_rows
from amocrm_assets.rows.frames import FrameColumns, day_frame_of, rows_tables
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.rows.days import DAY, field, keep, lead, source

NEXT_DAY = DAY + timedelta(days=1)
SENT = [
    lead(
        1,
        price=2**53 + 1,
        custom_fields_values=[field("text", {"value": "Пермь"}, field_id=5, field_name="Город")],
    ),
    lead(2, price=None, is_deleted=None, name=None),
    lead(
        3,
        custom_fields_values=[
            field("multiselect", {"value": "a"}, {"value": "b"}, field_id=6, field_name="Теги"),
            field("text", {"value": "Омск"}, field_id=7, field_name="Город"),
            field("text", {"value": "Томск"}, {"value": None}, field_id=8, field_name="Город"),
        ],
    ),
]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = open_storage(str(tmp_path))
    keep(storage, SENT)
    write_rows(LEADS, storage, source(), DAY)
    return storage


def test_a_frame_has_the_columns_of_the_shard_as_arrow_has_them(storage: Storage) -> None:
    frame = read_rows(LEADS.table, storage, "acme", [DAY])
    assert dict(frame.dtypes) == {field.name: pd.ArrowDtype(field.type) for field in arrow_schema(LEADS.table)}
    assert list(frame.columns) == [column.name for column in LEADS.table.columns]
    assert frame["sale"].tolist() == [2**53 + 1, pd.NA, 1000]
    assert frame["is_deleted"].tolist() == [False, pd.NA, False]
    assert frame["custom_fields"].tolist()[:2] == [
        [{"id": 5, "name": "Город", "is_system": None, "values": [{"value": "Пермь", "enum": None}]}],
        [],
    ]


def test_a_frame_of_some_columns_has_them_in_the_order_asked_for(storage: Storage) -> None:
    frame = read_rows(LEADS.table, storage, "acme", [DAY], columns=["sale", "id"])
    assert list(frame.columns) == ["sale", "id"]
    assert (frame["sale"].tolist(), frame["id"].tolist()) == ([2**53 + 1, pd.NA, 1000], [1, 2, 3])
    assert dict(read_rows(LEADS.table, storage, "acme", [], columns=["sale", "id"]).dtypes) == dict(frame.dtypes)
    with pytest.raises(SettingsError, match=r"price is not a column.*sale"):
        read_rows(LEADS.table, storage, "acme", [DAY], columns=["id", "price"])


def test_a_frame_can_be_had_in_the_types_of_pandas_itself(storage: Storage) -> None:
    arrow = read_rows(LEADS.table, storage, "acme", [DAY])
    frame = to_pandas_types(arrow)
    types = {"INTEGER": "Int64", "BOOLEAN": "boolean", "STRING": "string", "RECORD": "object"}
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        column.name: types[column.type] for column in LEADS.table.columns
    }
    for name in frame.columns:
        assert frame[name].tolist() == arrow[name].tolist()
    assert widen_custom_fields(frame, ["Город"])["Город"].tolist() == ["Пермь", pd.NA, "Омск, Томск"]


def test_days_follow_each_other_in_the_order_asked_for(storage: Storage) -> None:
    keep(storage, [], day=NEXT_DAY)
    write_rows(LEADS, storage, source(), NEXT_DAY)
    frame = read_rows(LEADS.table, storage, "acme", [NEXT_DAY, DAY])
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame.index.tolist() == [0, 1, 2]
    empty = read_rows(LEADS.table, storage, "acme", [NEXT_DAY])
    assert (len(empty), dict(empty.dtypes)) == (0, dict(frame.dtypes))
    assert dict(read_rows(LEADS.table, storage, "acme", []).dtypes) == dict(frame.dtypes)


def test_a_day_without_rows_is_refused_with_its_fix(storage: Storage) -> None:
    with pytest.raises(ActionRequired, match="Materialise `leads`"):
        read_rows(LEADS.table, storage, "acme", [DAY, NEXT_DAY])


def test_custom_fields_become_columns_by_name_or_id(storage: Storage) -> None:
    frame = read_rows(LEADS.table, storage, "acme", [DAY])
    wide = widen_custom_fields(frame, ["Город", "Теги", 5, "Нет такого"])
    assert wide["Город"].tolist() == ["Пермь", pd.NA, "Омск, Томск"]
    assert wide["Теги"].tolist() == [pd.NA, pd.NA, "a, b"]
    assert wide["5"].tolist() == ["Пермь", pd.NA, pd.NA]
    assert wide["Нет такого"].isna().all()
    assert {str(wide[name].dtype) for name in ("Город", "Теги", "5", "Нет такого")} == {"string[pyarrow]"}
    assert list(frame.columns) == [column.name for column in LEADS.table.columns]


def test_a_field_called_like_a_column_is_refused(storage: Storage) -> None:
    with pytest.raises(ValueError, match="name"):
        widen_custom_fields(read_rows(LEADS.table, storage, "acme", [DAY]), ["name"])


def wanted(**metadata: Any) -> FrameColumns:
    return FrameColumns.from_metadata(LEADS.table, metadata)


@pytest.mark.parametrize(
    ("metadata", "columns", "custom_fields", "stored"),
    [
        ({}, None, (), None),
        ({"columns": []}, None, (), None),
        ({"columns": ["sale", "id"]}, ("sale", "id"), (), ["sale", "id"]),
        (
            {"columns": ("id",), "widen_custom_fields": ["Город", 5]},
            ("id",),
            ("Город", "5"),
            ["id", "custom_fields"],
        ),
        (
            {"columns": ["custom_fields"], "widen_custom_fields": [5]},
            ("custom_fields",),
            ("5",),
            ["custom_fields"],
        ),
        ({"widen_custom_fields": ["Город"]}, None, ("Город",), None),
    ],
)
def test_only_the_columns_that_a_frame_is_made_from_are_read(
    metadata: dict[str, Any], columns: Any, custom_fields: Any, stored: Any
) -> None:
    chosen = wanted(**metadata)
    assert (chosen.columns, chosen.custom_fields, chosen.stored) == (columns, custom_fields, stored)


@pytest.mark.parametrize(
    ("metadata", "cause"),
    [
        ({"columns": "id"}, "Reading columns .* it is 'id', not a list"),
        ({"columns": 5}, "it is 5, not a list"),
        ({"widen_custom_fields": {"Город"}}, "Reading widen_custom_fields .* it is {'Город'}, not a list"),
        ({"columns": ["id", "price"]}, "price is not a column"),
        ({"widen_custom_fields": ["name"]}, "already has a column called name"),
        ({"columns": ["id"], "widen_custom_fields": ["Город", "id"]}, "already has a column called id"),
    ],
)
def test_metadata_that_asks_for_what_cannot_be_is_refused(metadata: dict[str, Any], cause: str) -> None:
    with pytest.raises(SettingsError, match=cause):
        wanted(**metadata)


def test_a_frame_of_days_has_the_day_of_each_row_as_its_index(storage: Storage) -> None:
    keep(storage, [lead(4)], day=NEXT_DAY)
    write_rows(LEADS, storage, source(), NEXT_DAY)
    chosen = wanted(columns=["id"], widen_custom_fields=["Город", "name"])
    days = [NEXT_DAY, DAY]
    frame = day_frame_of(rows_tables(LEADS.table, storage, "acme", days, columns=chosen.stored), days, chosen)
    assert frame.index.name == "day"
    assert pd.DatetimeIndex(frame.index).date.tolist() == [NEXT_DAY, DAY, DAY, DAY]
    assert frame["id"].tolist() == [4, 1, 2, 3]
    assert frame["Город"].tolist() == [pd.NA, "Пермь", pd.NA, "Омск, Томск"]
    assert list(frame.columns) == ["id", "Город", "name"]
    empty = day_frame_of([], [], chosen)
    assert (len(empty), dict(empty.dtypes)) == (0, dict(frame.dtypes))
    whole = day_frame_of(rows_tables(LEADS.table, storage, "acme", days), days, wanted())
    assert list(whole.columns) == [column.name for column in LEADS.table.columns]
