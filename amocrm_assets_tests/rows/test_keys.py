"""Records whose key is no integer, and which belong to days by another time than `updated_at`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.captures import OpenCapture
from amocrm_assets.entities import Column, Entity, RecordList, Table
from amocrm_assets.errors import RowsIncomplete
from amocrm_assets.rows import rows_name, write_rows
from amocrm_assets.rows.day_rows import DayRows
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.keys import keys_of
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.rows.stored import repeated_ids
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import ShardLoad, open_warehouse
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, capture_header, keep, line, rewrite_rows, source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def entity(name: str, key: tuple[str, ...], id_column: Column) -> Entity:
    """Things that happen, with `created_at` as their time."""
    table = Table(
        asset=name,
        warehouse_name=f"amoCrm{name.capitalize()}",
        record="happening",
        records="happenings",
        columns=(
            Column("entity_type", "STRING", "What it happened to."),
            id_column,
            Column("created_at", "INTEGER", "When it happened, Unix seconds, UTC."),
            Column("text", "STRING", "What happened."),
        ),
        preview=("id", "created_at"),
        key=key,
        time="created_at",
    )
    live = RecordList(name=name, records="happenings", path=f"/api/v4/{name}", embedded=name)
    return Entity(name=name, live=live, tables=(table,), has_cards=False)


BY_TEXT = entity("happenings", ("id",), Column("id", "STRING", "The happening's id."))
BY_PAIR = entity("pairs", ("entity_type", "id"), Column("id", "INTEGER", "The id within its type."))


def happening(record_id: Any, **properties: Any) -> dict[str, Any]:
    return {"id": record_id, "entity_type": "lead", "created_at": UPDATED_AT, "text": "born"} | properties


def rows(of: Entity, *captures: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for table in merged(of, *captures).tables() for row in table.to_pylist()]


def merged(of: Entity, *captures: Sequence[dict[str, Any]]) -> DayRows:
    opened = [
        OpenCapture(capture_header(number), iter([line(each) for each in sent]))
        for number, sent in enumerate(captures)
    ]
    return rows_of_day(of, opened, source=source(), day=DAY)


def test_ids_of_text_are_told_apart_and_sorted_as_texts() -> None:
    found = rows(BY_TEXT, [happening("b"), happening("10"), happening("9")], [happening("a"), happening("b")])
    assert [row["id"] for row in found] == ["10", "9", "a", "b"]


def test_a_pair_is_a_key_and_rows_are_sorted_by_both() -> None:
    found = rows(BY_PAIR, [happening(2), happening(1), happening(2, entity_type="contact")])
    assert [(row["entity_type"], row["id"]) for row in found] == [("contact", 2), ("lead", 1), ("lead", 2)]


def test_the_newest_version_is_that_of_the_greatest_time() -> None:
    older, newer = happening("a", text="first"), happening("a", created_at=UPDATED_AT + 1, text="second")
    assert [row["text"] for row in rows(BY_TEXT, [newer], [older])] == ["second"]
    assert [row["text"] for row in rows(BY_TEXT, [happening("a", text="old")], [happening("a")])] == ["born"]


@pytest.mark.parametrize("of", [BY_TEXT, BY_PAIR], ids=lambda each: each.name)
@pytest.mark.parametrize("wrong", [None, [1], {}, 1.5])
def test_a_record_without_its_key_is_an_oddity(of: Entity, wrong: Any) -> None:
    found = merged(of, [happening(wrong)])
    assert found.row_count == 0
    assert [oddity.kind.partition(":")[0] for oddity in found.oddities] == ["id"]


def test_an_oddity_names_the_key_of_its_record() -> None:
    odd = [happening("z", text=7), happening("y", text=[])]
    found = merged(BY_TEXT, odd)
    assert sorted(oddity.example for oddity in found.oddities) == ["y", "z"]


@pytest.mark.slow
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(["lead", "contact"]), st.integers(0, 9)), max_size=8), max_size=4)
)
def test_every_key_of_any_captures_has_one_row(captures: list[list[tuple[str, int]]]) -> None:
    by_pair = [[happening(number, entity_type=kind) for kind, number in each] for each in captures]
    by_text = [[happening(f"{kind} {number}") for kind, number in each] for each in captures]
    expected = sorted({key for each in captures for key in each})
    assert [(row["entity_type"], row["id"]) for row in rows(BY_PAIR, *by_pair)] == expected
    assert [row["id"] for row in rows(BY_TEXT, *by_text)] == sorted(
        f"{kind} {number}" for kind, number in expected
    )


@pytest.mark.parametrize("of", [BY_TEXT, BY_PAIR], ids=lambda each: each.name)
def test_they_go_through_captures_and_rows_into_the_warehouse(of: Entity, tmp_path: Path) -> None:
    storage, ids = open_storage(str(tmp_path / "data")), ["7", "8"] if of is BY_TEXT else [7, 8]
    for number, record_id in enumerate(ids):
        keep(storage, [happening(record_id)], entity=of, number=number)
    written = write_rows(of, storage, source(), DAY)
    assert written.row_count == len(ids)
    assert repeated_ids(of.table, storage, "acme", DAY) == []
    warehouse = open_warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")
    load = ShardLoad(of.table, "acme", DAY, rows_name(of.table, "acme", DAY), written.row_count)
    ((_, outcome),) = warehouse.load([load], storage, run_id="run")
    assert not isinstance(outcome, Exception)
    with duckdb.connect(f"{tmp_path}/warehouse.duckdb") as connection:
        shard = connection.table(of.table.shard_name("acme", DAY))
        assert shard.select("id").order("id").fetchall() == [(each,) for each in ids]


@pytest.mark.parametrize("of", [BY_TEXT, BY_PAIR], ids=lambda each: each.name)
def test_a_key_without_a_row_stops_the_writing(
    of: Entity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, ids = open_storage(str(tmp_path)), ["7", "8"] if of is BY_TEXT else [7, 8]
    keep(storage, [happening(each) for each in ids], entity=of)
    whole = DayRows.ids_of
    monkeypatch.setattr(DayRows, "ids_of", lambda day_rows, written: whole(day_rows, written)[:-1])
    with pytest.raises(RowsIncomplete, match=r"1 missing, for example (lead )?8"):
        write_rows(of, storage, source(), DAY)


def test_rows_have_the_numbers_of_their_keys_and_minus_one_if_no_record_had_the_key() -> None:
    for of, ids in ((BY_TEXT, ["7", "8"]), (BY_PAIR, [7, 8])):
        found = merged(of, [happening(each) for each in ids])
        (table,) = found.tables()
        unknown = happening("x" if of is BY_TEXT else 9)
        more = pa.concat_tables([table.slice(1), pa.Table.from_pylist([unknown], table.schema), table.slice(0, 1)])
        assert found.ids_of(more).tolist() == [1, -1, 0]


def test_an_integer_is_its_own_number() -> None:
    number = keys_of(entity("plain", ("id",), Column("id", "INTEGER", "The id.")).table).number_of
    assert number(cast("Any", SimpleNamespace(id=700))) == 700
    other = keys_of(BY_TEXT.table).number_of
    assert [other(cast("Any", SimpleNamespace(id=each))) for each in ("b", "a", "b")] == [0, 1, 0]


def test_repeated_keys_are_named(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    keep(storage, [happening(7), happening(7, entity_type="contact")], entity=BY_PAIR)
    write_rows(BY_PAIR, storage, source(), DAY)
    name = rows_name(BY_PAIR.table, "acme", DAY)
    whole = rows_table(BY_PAIR.table, storage, "acme", DAY)
    rewrite_rows(tmp_path / name, pa.concat_tables([whole, whole.slice(1)]))
    assert repeated_ids(BY_PAIR.table, storage, "acme", DAY) == ["lead 7"]
