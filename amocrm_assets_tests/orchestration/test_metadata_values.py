"""What is shown of days, tables and columns, as values of Dagster. For whole pages see `test_materialising`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from amocrm_assets.captures import CaptureWriter
from amocrm_assets.crm.pagination.findings import filters_ignored
from amocrm_assets.entities import CONTACTS, CUSTOM_FIELDS, EVENTS, LEADS, Column, Table
from amocrm_assets.orchestration import previews
from amocrm_assets.orchestration.columns import lineage_from, table_schema
from amocrm_assets.orchestration.metadata import (
    BREAK,
    MAX_NAMES,
    authorisation_metadata,
    capture_metadata,
    earlier_capture_metadata,
    load_metadata,
    rows_metadata,
    text_table,
)
from amocrm_assets.rows.files import RowsWritten
from amocrm_assets.rows.oddities import Oddity
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import LoadResult
from amocrm_assets_tests.accounts import DAY, source
from amocrm_assets_tests.rows.days import capture_header

PARTITION = "dagster/partition_row_count"


def captured(*findings: Any) -> Any:
    facts = {"records": 3, "capture": "/data/a/b.gz", "user": "a\nb", "pages": 2, "findings": findings}
    return SimpleNamespace(metadata=facts, capture=SimpleNamespace(name="a/b.gz"))


def test_a_day_that_was_read_shows_its_facts_on_one_line_each() -> None:
    ignored = filters_ignored(LEADS.live)
    assert capture_metadata(captured(ignored)) == {
        PARTITION: 3,
        "storage": "/data",
        "capture": dg.MetadataValue.path("a/b.gz"),
        "read": "in this run",
        "findings": str(ignored),
        "user": "a b",
        "pages": 2,
    }
    assert capture_metadata(captured())["findings"] == "none"


def test_a_day_that_was_read_before_counts_its_records_again(tmp_path: Any) -> None:
    storage = open_storage(str(tmp_path))
    writer = CaptureWriter(LEADS, storage, capture_header())
    writer.add([b'{"id":1}', b'{"id":2}', b'{"id":3}'])
    name = writer.publish().name
    metadata = earlier_capture_metadata(LEADS, storage, name)
    assert (metadata[PARTITION], metadata["storage"], metadata["capture"].value) == (3, str(tmp_path), name)
    assert metadata["read"].startswith("before, at ")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, {}),
        (
            {"size_bytes": 0, "job_id": "j", "warnings": ("a", "b")},
            {"size_bytes": 0, "job": "j", "warnings": "a\nb"},
        ),
    ],
)
def test_a_load_shows_what_the_warehouse_says(more: dict[str, Any], shown: dict[str, Any]) -> None:
    loaded = LoadResult("t", 5, 1.23456, **more)
    assert load_metadata(loaded, count="own") == {
        "own": 5, "dagster/table_name": "t", "seconds_writing": 1.235, **shown,
    }  # fmt: skip


def test_the_end_of_an_authorisation_is_shown_where_it_is_known() -> None:
    assert authorisation_metadata(None) == {}
    assert authorisation_metadata(0) == {"authorisation_ends": dg.MetadataValue.timestamp(0.0)}


@pytest.mark.parametrize(
    ("entity", "settings", "choice"),
    [
        (LEADS, {}, {"leads_custom_fields": "all"}),
        (LEADS, {"leads_custom_fields": ["City"]}, {"leads_custom_fields": ["City"]}),
        (CONTACTS, {}, {"contacts_custom_fields": "all"}),
        (EVENTS, {}, {}),
    ],
)
def test_rows_show_their_captures_oddities_and_chosen_fields(
    monkeypatch: pytest.MonkeyPatch, entity: Any, settings: dict[str, Any], choice: dict[str, Any]
) -> None:
    monkeypatch.setattr(previews, "rows_preview", lambda *_: {"preview": "it"})
    oddities = (Oddity("a", 2, "1"), Oddity("b", 3, "1"))
    rows = RowsWritten("a/b.parquet", 7, 9, 1.23456, ("x", "y"), oddities, ("p\nq", "r"), {})
    storage: Any = SimpleNamespace(uri=lambda name: f"/data/{name}")
    assert rows_metadata(entity, entity.table, source(**settings), storage, day=DAY, rows=rows) == {
        PARTITION: 7,
        "storage": "/data",
        "rows": dg.MetadataValue.path("a/b.parquet"),
        "size_bytes": 9,
        "seconds_merging": 1.235,
        "captures": 2,
        **choice,
        "oddities": 5,
        "unknown_properties": "p q, r",
        "preview": "it",
    }


def test_a_table_without_custom_fields_names_no_choice_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "rows_preview", lambda *_: {})
    details = LEADS.for_source(source(import_lead_details=True)).tables[1]
    storage: Any = SimpleNamespace(uri=str)
    for number, listed in ((0, "none"), (MAX_NAMES, ""), (MAX_NAMES + 2, " and 2 more")):
        rows = RowsWritten("a", 7, 9, 1.0, (), (), tuple(map(str, range(number))), {})
        metadata = rows_metadata(LEADS, details, source(), storage, day=DAY, rows=rows)
        assert "leads_custom_fields" not in metadata
        names = ", ".join(map(str, range(min(number, MAX_NAMES))))
        assert metadata["unknown_properties"] == names + listed


def test_a_long_word_of_a_cell_may_be_broken_and_a_short_one_is_as_it_was() -> None:
    table = text_table(["a", "b"], [["x" * 6, "y" * 7], ["x" * 5, "y y y y"]], wrap=(5, 6))
    assert [list(record.data.values()) for record in table.records] == [
        [f"xxxxx{BREAK}x", f"yyyyyy{BREAK}y"],
        ["xxxxx", "y y y y"],
    ]
    (record,) = text_table(["a"], [["x" * 6]], limit=5).records
    assert record.data == {"a": "xxxx…"}


OWN = Table(
    record="own",
    records="owns",
    asset="own",
    warehouse_name="Own",
    preview=(),
    columns=(
        Column("id", "INTEGER", "Its id."),
        Column("ids", "INTEGER", "Others.", mode="REPEATED"),
        Column("one", "RECORD", "One.", columns=(Column("id", "STRING", "Inner."),)),
        Column("many", "RECORD", "Many.", mode="REPEATED", columns=(Column("at", "TIMESTAMP", "When."),)),
    ),
)


@pytest.mark.parametrize(
    ("store", "types"),
    [
        ("bigquery", ["INTEGER", "INTEGER REPEATED", "RECORD", "STRING", "RECORD REPEATED", "TIMESTAMP"]),
        ("duckdb", ["BIGINT", "BIGINT[]", "STRUCT", "VARCHAR", "STRUCT[]", "TIMESTAMP WITH TIME ZONE"]),
        ("parquet", ["int64", "list<int64>", "struct", "string", "list<struct>", "timestamp[us, tz=UTC]"]),
    ],
)
def test_a_column_has_the_type_of_its_store_and_only_the_key_is_unique(store: str, types: list[str]) -> None:
    schema = table_schema(OWN, store)
    assert [column.name for column in schema.columns] == ["id", "ids", "one", "one.id", "many", "many.at"]
    assert [column.type for column in schema.columns] == types
    rules = [(column.constraints.unique, column.constraints.nullable) for column in schema.columns]
    assert rules == [(True, False), *[(False, True)] * 5]


def test_a_column_comes_from_one_of_another_name_in_raw_records() -> None:
    for api_names, name in ((True, "custom_fields_values"), (False, CUSTOM_FIELDS)):
        lineage = lineage_from(LEADS.table, dg.AssetKey("raw"), api_names=api_names)
        (source_column,) = lineage.deps_by_column[CUSTOM_FIELDS]
        assert source_column.column_name == name
