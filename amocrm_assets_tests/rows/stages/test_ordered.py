"""What is known of records comes in pieces of bounded size; a record is never in two of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.errors import StorageRefused
from amocrm_assets.rows.stages import ordered
from amocrm_assets.rows.stages.ordered import records_in_order
from amocrm_assets_tests.rows.stages.lives import EVENTS, STATES, known_of
from amocrm_assets_tests.signals import interrupted

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

# One task of DuckDB runs for minutes.
ENDLESS = """
SELECT x FROM read_parquet($files), range(100000000) a(x), range(100000000) b(y)
WHERE hash(x + y) % 7 = 3 ORDER BY x
"""


def write(storage: Storage, name: str, table: pa.Table) -> str:
    with storage.temp_file(name) as path:
        pq.write_table(table.append_column("day", pa.array([0] * table.num_rows, pa.int32())), path)
        storage.replace(name, path)
    return name


@pytest.mark.parametrize("batch_rows", [1, 2, 7, 50, 10_000])
@pytest.mark.parametrize("absent", ["nothing", "states", "events of low ids", "states of high ids"])
def test_each_record_is_in_one_piece_with_all_of_its_rows(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, batch_rows: int, absent: str
) -> None:
    monkeypatch.setattr(ordered, "_BATCH_ROWS", batch_rows)
    events, states = known_of(7, oddity=0.1, records=60)
    if absent == "events of low ids":
        events = events.filter([each > 30 for each in events["entity_id"].to_pylist()])
    if absent == "states of high ids":
        states = states.filter([each < 30 for each in states["id"].to_pylist()])
    files = [] if absent == "states" else [write(storage, "states.parquet", states)]
    wanted = STATES.empty_table() if absent == "states" else states

    with records_in_order(storage, [write(storage, "events.parquet", events)], files) as known:
        pieces = list(known)

    assert pa.concat_tables([piece.events for piece in pieces]).cast(EVENTS).sort_by("id") == events.sort_by("id")
    assert pa.concat_tables([piece.states for piece in pieces]).num_rows == wanted.num_rows
    ids = [{*piece.events["entity_id"].to_pylist(), *piece.states["id"].to_pylist()} for piece in pieces]
    assert all(max(some) < min(later) for some, later in pairwise(ids) if some and later)
    if batch_rows < 50:
        assert max(piece.events.num_rows + piece.states.num_rows for piece in pieces) < 4 * max(batch_rows, 20)


def test_what_duckdb_refuses_is_said_in_one_line(storage: Storage) -> None:
    with storage.temp_file("events.parquet") as path:
        path.write_bytes(b"PAR1 is no Parquet file PAR1")
        storage.replace("events.parquet", path)
    with (
        pytest.raises(StorageRefused, match=r"DuckDB could not sort the events: .*events\.parquet") as refused,
        records_in_order(storage, ["events.parquet"], []) as known,
    ):
        list(known)
    assert "\n" not in refused.value.cause


def test_a_signal_ends_the_sorting_as_it_ends_everything_else(storage: Storage) -> None:
    name = write(storage, "events.parquet", known_of(7, oddity=0).events)
    with pytest.raises(KeyboardInterrupt), records_in_order(storage, [name], []):
        raise RuntimeError("Query interrupted")  # as DuckDB says it: see warehouse/test_duckdb.py


def test_a_signal_ends_a_sorting_that_keeps_duckdb_busy(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write(storage, "events.parquet", known_of(7, oddity=0).events)
    monkeypatch.setattr(ordered, "_EVENTS", ENDLESS)
    with interrupted(), records_in_order(storage, [name], []) as known:
        list(known)
