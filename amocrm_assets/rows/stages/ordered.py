"""Returns the events and the rows of records, sorted by record, many records at once; DuckDB sorts on disk.

DuckDB is used with every warehouse. Memory is bounded: results are read in batches.
"""

from __future__ import annotations

import glob
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from amocrm_assets.duckdb_queries import duckdb_interrupted, run_query
from amocrm_assets.errors import StorageRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from amocrm_assets.storage import Storage

# DuckDB sorts larger data on disk. Queries only sort, since grouping in DuckDB needs all groups in memory.
_MEMORY = "192MB"
_BATCH_ROWS = 32_768
_EVENTS = """
SELECT entity_id, id, created_at, kind, created_by,
    pipeline_id_before, status_id_before, pipeline_id_after, status_id_after
FROM read_parquet($files, hive_partitioning = false)
ORDER BY entity_id, created_at, kind, id
"""
# The newest comes last: by `updated_at`, then by day.
_STATES = """
SELECT id, updated_at, created_at, created_by, pipeline_id, status_id, coalesce(is_deleted, false) AS is_deleted
FROM read_parquet($files, hive_partitioning = false)
ORDER BY id, updated_at NULLS FIRST, day
"""
_STATE_INTEGERS = ("id", "updated_at", "created_at", "created_by", "pipeline_id", "status_id")


class Known(NamedTuple):
    """What is known of some records: all of their events and all of their rows, both sorted by record and time.

    `events` has the columns of `wanted_events` behind `entity_id`, `states` those of `wanted_states` behind `id`.
    """

    events: pa.Table
    states: pa.Table


@contextmanager
def records_in_order(storage: Storage, events: Sequence[str], states: Sequence[str]) -> Iterator[Iterator[Known]]:
    """Everything known of all records, by their ids, from monthly files: `events` must not be empty."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="amocrm-assets-stages-"))
        connection = stack.enter_context(duckdb.connect(":memory:", config=_config(folder)))
        connection.execute("SET enable_progress_bar = false")
        paths = [
            [glob.escape(str(stack.enter_context(storage.as_local_path(name)))) for name in names]
            for names in (events, states)
        ]
        with duckdb_interrupted(), _duckdb_errors():
            yield _together(
                _Sorted(connection.cursor(), _EVENTS, paths[0]), _Sorted(connection.cursor(), _STATES, paths[1])
            )


def _config(folder: str) -> dict[str, Any]:
    return {"memory_limit": _MEMORY, "temp_directory": folder, "threads": 2}


@contextmanager
def _duckdb_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise StorageRefused(
            "Making the stages",
            cause=f"DuckDB could not sort the events: {str(error).splitlines()[0]}",
            fix=f"Free some disk space in {tempfile.gettempdir()}, or set TMPDIR to a folder with more space.",
        ) from error


def _together(events: _Sorted, states: _Sorted) -> Iterator[Known]:
    while True:
        ends = [end for end in (events.read(), states.read()) if end is not None]
        last = min(ends, default=None)
        yield Known(events.pop_until(last), states.pop_until(last))
        if last is None:
            return


class _Sorted:
    """The result of a query, whose first column is the id of the record that a row belongs to."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, query: str, files: list[str]) -> None:
        import pyarrow as pa

        self._cursor = cursor
        if files:
            result = cursor.sql(query, params={"files": files})
            self._reader = run_query(cursor, partial(result.to_arrow_reader, _BATCH_ROWS))
        else:
            integers = [(name, pa.int64()) for name in _STATE_INTEGERS]
            schema = pa.schema([*integers, ("is_deleted", pa.bool_())])
            self._reader = pa.RecordBatchReader.from_batches(schema, [])
        self._rows = self._reader.schema.empty_table()
        self._is_read = False

    def read(self) -> int | None:
        """Read on, and return the largest id of which all rows are here; None at the end."""
        import pyarrow as pa

        while not self._is_read and (self._rows.num_rows < _BATCH_ROWS or self._id(0) == self._id(-1)):
            try:
                batch = run_query(self._cursor, self._reader.read_next_batch)
            except StopIteration:
                self._is_read = True
            else:
                self._rows = pa.concat_tables([self._rows, pa.Table.from_batches([batch])])
        return None if self._is_read else self._id(-1) - 1

    def pop_until(self, last: int | None) -> pa.Table:
        """Remove and return the rows of records up to this id, or all."""
        ids = self._rows[0].to_numpy()
        count = len(ids) if last is None else int(ids.searchsorted(last, side="right"))
        popped, self._rows = self._rows.slice(0, count), self._rows.slice(count)
        return popped.combine_chunks()

    def _id(self, row: int) -> int:
        return int(self._rows[0][row].as_py())
