from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from os import urandom as random_bytes
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.captures import capture_names
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired, CaptureDamaged, RowsDamaged, RowsIncomplete, StorageRefused
from amocrm_assets.rows import RowsWritten, rows_name, write_rows
from amocrm_assets.rows.day_rows import DayRows
from amocrm_assets.rows.files import rows_file
from amocrm_assets.shard import arrow_schema, duckdb_type
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.disks import small_disk
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, Line, field, keep, lead, source, stub

NAME = "rows/acme/leads/2026-01-01.parquet"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def written(storage: Storage, *captures: Sequence[Line]) -> RowsWritten:
    for number, leads in enumerate(captures):
        keep(storage, leads, number=number)
    return write_rows(LEADS, storage, source(), DAY)


def content(storage: Storage) -> bytes:
    return Path(storage.uri(NAME)).read_bytes()


def test_the_rows_of_a_day_are_a_parquet_file_in_the_schema_of_the_shard(storage: Storage) -> None:
    rows = written(storage, [lead(2), lead(1, price="много", новое=1)], [lead(3)])
    assert rows.name == rows_name(LEADS.table, "acme", DAY) == NAME
    assert (rows.row_count, rows.size_bytes) == (3, Path(storage.uri(NAME)).stat().st_size)
    assert rows.captures == tuple(capture_names(LEADS, storage, "acme", DAY))
    assert [oddity.count for oddity in rows.oddities] == [1]
    assert (rows.unknown_properties, dict(rows.missing_fields)) == (("новое",), {})
    assert 0 < rows.seconds < 60
    table = pq.read_table(storage.uri(NAME))
    assert table.schema.equals(arrow_schema(LEADS.table))
    assert table["id"].to_pylist() == [1, 2, 3]


def test_a_day_without_leads_has_a_file_without_rows(storage: Storage) -> None:
    assert written(storage, []).row_count == 0
    table = pq.read_table(storage.uri(NAME))
    assert (table.num_rows, table.schema.equals(arrow_schema(LEADS.table))) == (0, True)


def test_replaying_the_captures_gives_byte_for_byte_the_same_file(storage: Storage) -> None:
    numbers = random.Random(1).sample(range(10_000), 3000)
    leads = [lead(number, custom_fields_values=[field("text", {"value": str(number)})]) for number in numbers]
    first = written(storage, leads, [stub(number, updated_at=UPDATED_AT + 1) for number in numbers[:50]])
    before = content(storage)
    again = write_rows(LEADS, storage, source(), DAY)
    assert content(storage) == before
    assert replace(again, seconds=first.seconds) == first
    storage.delete(NAME)
    write_rows(LEADS, storage, source(), DAY)
    assert content(storage) == before


def test_a_day_that_was_never_captured_is_refused_with_its_fix(storage: Storage) -> None:
    with pytest.raises(ActionRequired, match="Materialise `raw_leads`"):
        write_rows(LEADS, storage, source(), DAY)
    assert storage.names("") == []


def test_a_damaged_capture_leaves_the_rows_as_they_were(storage: Storage) -> None:
    written(storage, [lead(1)])
    before = content(storage)
    name = keep(storage, [lead(2)], number=1)
    Path(storage.uri(name)).write_bytes(Path(storage.uri(name)).read_bytes()[:-30])
    with pytest.raises(CaptureDamaged, match=name):
        write_rows(LEADS, storage, source(), DAY)
    assert content(storage) == before
    assert storage.remove_stale("") == 0


def test_a_file_with_a_changed_byte_is_refused_with_its_fix(storage: Storage) -> None:
    written(storage, [lead(1)])
    file = bytearray(content(storage))
    file[100] ^= 1
    Path(storage.uri(NAME)).write_bytes(file)
    with pytest.raises(RowsDamaged) as refused, rows_file(LEADS.table, storage, "acme", DAY):
        pytest.fail("it was opened")
    assert storage.uri(NAME) in refused.value.cause
    assert "checksum is wrong" in refused.value.cause
    assert f"Materialise `leads` for {DAY} again" in refused.value.fix


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        (
            lambda rows: rows.slice(4),
            "hold 5 leads of the day, but there are 1 rows (4 missing, for example 1, 2, 3).",
        ),
        (lambda rows: pa.concat_tables([rows, rows]), "but there are 10 rows (0 missing, for example none)."),
    ],
    ids=["four are missing", "each is there twice"],
)
def test_rows_that_are_not_those_of_the_captures_are_refused_with_three_examples(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, changed: Callable[[pa.Table], pa.Table], cause: str
) -> None:
    tables = DayRows.tables
    monkeypatch.setattr(DayRows, "tables", lambda rows: map(changed, tables(rows)))
    with pytest.raises(RowsIncomplete) as refused:
        written(storage, [lead(number) for number in range(1, 6)])
    assert cause in refused.value.cause
    assert not storage.names("rows")


def test_a_full_disk_leaves_the_rows_as_they_were(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        storage = open_storage(str(disk))
        written(storage, [lead(1)])
        before = content(storage)
        keep(storage, [lead(2, name=random_bytes(550_000).hex())], number=1)
        with pytest.raises(StorageRefused, match="No space left"):
            write_rows(LEADS, storage, source(), DAY)
        assert content(storage) == before
        assert storage.remove_stale("") == 0


def test_what_a_killed_run_left_of_a_rows_file_is_removed(storage: Storage, tmp_path: Path) -> None:
    left = tmp_path / "rows/acme/leads" / ".2026-01-01.parquet.0123.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    written(storage, [lead(1)])
    assert not left.exists()


def test_runs_side_by_side_leave_the_rows_of_all_captures(storage: Storage) -> None:
    def captures_and_merges(number: int) -> int:
        keep(storage, [lead(number)], number=number)
        return write_rows(LEADS, storage, source(), DAY).row_count

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(captures_and_merges, range(8)))
    assert max(counts) == 8
    assert pq.read_metadata(storage.uri(NAME)).num_rows == 8


CAPTURING_FOR_EVER = """
import sys
from amocrm_assets.rows import write_rows
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.rows.days import DAY, keep, lead, source
storage, number = open_storage(sys.argv[1]), int(sys.argv[2])
while True:
    keep(storage, [lead(number), lead(7, name="x" * 100_000)], number=number)
    print(number, flush=True)
    write_rows(LEADS, storage, source(), DAY)
    number += 1
"""


@pytest.mark.slow
def test_runs_that_are_killed_lose_no_capture_and_leave_nothing_behind(storage: Storage, tmp_path: Path) -> None:
    chance = random.Random(20260101)
    kept = 100
    for _ in range(4):
        command = [sys.executable, "-c", CAPTURING_FOR_EVER, str(tmp_path), str(kept)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.random() / 10)
            process.kill()
            kept += 1 + len(process.stdout.readlines())
    storage.remove_stale("captures")  # as the next reading does
    ids = {int(each) for each in pq.read_table(write(storage))["id"].to_pylist()}
    assert ids >= {7, *range(100, kept)}
    assert not list(tmp_path.rglob("*.partial"))


def write(storage: Storage) -> str:
    return storage.uri(write_rows(LEADS, storage, source(), DAY).name)


def test_duckdb_reads_the_file_in_the_types_of_the_shard_and_every_text_as_it_is(storage: Storage) -> None:
    name = "\0 emoji 😀, \u202eright to left, 漢字, nul\0 in the middle"
    option = field("select", {"value": "a\0b", "enum_id": 2**62})
    written(storage, [lead(1, name=name, custom_fields_values=[option])])
    with duckdb.connect() as connection:
        rows = connection.read_parquet(storage.uri(NAME))
        types = {name: str(kind).replace('"', "") for name, kind in zip(rows.columns, rows.types, strict=True)}
        ((read_name, custom_fields),) = rows.project("name, custom_fields").fetchall()
    assert list(types.items()) == [
        (column.name, duckdb_type(column).replace('"', "")) for column in LEADS.table.columns
    ]
    assert read_name == name
    assert custom_fields[0]["values"] == [{"value": "a\0b", "enum": 2**62}]


def test_texts_of_a_megabyte_and_ten_thousand_fields_in_a_lead_are_kept_whole(storage: Storage) -> None:
    long = "ы" * 1_000_000
    many = [field("text", {"value": str(number)}, field_id=number) for number in range(10_000)]
    rows = written(storage, [lead(1, name=long), lead(2, custom_fields_values=many)])
    table = pq.read_table(storage.uri(NAME))
    assert rows.oddities == ()
    assert table["name"][0].as_py() == long
    assert [entry["values"][0]["value"] for entry in table["custom_fields"][1].as_py()] == [
        str(number) for number in range(10_000)
    ]
