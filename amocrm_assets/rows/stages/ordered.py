"""Returns the events and the newest state of each record, sorted by record; DuckDB sorts on disk.

DuckDB is used with every warehouse. Memory is bounded: results are read in batches.
"""

from __future__ import annotations

import glob
import tempfile
from contextlib import ExitStack, contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import duckdb

from amocrm_assets.errors import StorageRefused
from amocrm_assets.rows.stages.stays import UNDATED, Happened, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amocrm_assets.rows.stages.stays import StageId
    from amocrm_assets.storage import Storage

# DuckDB sorts larger data on disk. Queries only sort, since grouping in DuckDB needs all groups in memory.
_MEMORY = "192MB"
_BATCH_ROWS = 16_384
_EVENTS = """
SELECT entity_id, id, created_at, kind, created_by,
    pipeline_id_before, status_id_before, pipeline_id_after, status_id_after
FROM read_parquet($files, hive_partitioning = false)
ORDER BY entity_id, created_at, kind, id
"""
# The newest comes last: by `updated_at`, then by day.
_STATES = """
SELECT id, updated_at, created_at, created_by, pipeline_id, status_id, coalesce(is_deleted, false)
FROM read_parquet($files, hive_partitioning = false)
ORDER BY id, updated_at NULLS FIRST, day
"""

Record = tuple[int, tuple["list[Happened]", "State | None"]]


@contextmanager
def records_in_order(storage: Storage, events: Sequence[str], states: Sequence[str]) -> Iterator[Iterator[Record]]:
    """Each record's id, events and newest state, sorted by id, from the files of `kept`."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="amocrm-assets-stages-"))
        connection = stack.enter_context(duckdb.connect(":memory:", config=_config(folder)))
        connection.execute("SET enable_progress_bar = false")
        paths = [
            [glob.escape(str(stack.enter_context(storage.as_local_path(name)))) for name in names]
            for names in (events, states)
        ]
        with _duckdb_errors():
            yield _joined(
                _rows(connection.cursor(), _EVENTS, paths[0]),
                _states(_rows(connection.cursor(), _STATES, paths[1])),
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


def _rows(cursor: duckdb.DuckDBPyConnection, query: str, files: list[str]) -> Iterator[tuple[Any, ...]]:
    if not files:
        return
    for batch in cursor.sql(query, params={"files": files}).to_arrow_reader(_BATCH_ROWS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _joined(events: Iterator[tuple[Any, ...]], states: Iterator[tuple[int, State]]) -> Iterator[Record]:
    state = next(states, None)
    for record_id, rows in groupby(events, key=itemgetter(0)):
        while state is not None and state[0] < record_id:
            yield state[0], ([], state[1])
            state = next(states, None)
        happened = _happened(rows)
        if state is not None and state[0] == record_id:
            yield record_id, (happened, state[1])
            state = next(states, None)
        else:
            yield record_id, (happened, None)
    while state is not None:
        yield state[0], ([], state[1])
        state = next(states, None)


def _happened(rows: Iterator[tuple[Any, ...]]) -> list[Happened]:
    """The events of a record without duplicates: after a change of the time zone, two days may have the same."""
    happened, last = [], None
    for _, event_id, at, kind, by, pipeline, status, other_pipeline, other_status in rows:
        if event_id != last:
            before, after = _stage(pipeline, status), _stage(other_pipeline, other_status)
            happened.append(Happened(at, kind, by, before, after))
        last = event_id
    return happened


def _states(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[int, State]]:
    """The newest state of each record; its stage comes from the newest row that is not a stub."""
    for record_id, versions in groupby(rows, key=itemgetter(0)):
        known = newest = None
        for newest in versions:
            if newest[5] is not None:
                known = newest
        if newest is not None:
            _, at, created_at, created_by, pipeline, status, _ = known or newest
            stage = _stage(pipeline, status)
            yield record_id, State(created_at, created_by, stage, _dated(at), newest[6], _dated(newest[1]))


def _dated(updated_at: int | None) -> int:
    return UNDATED if updated_at is None else updated_at


def _stage(pipeline_id: int | None, status_id: int | None) -> StageId | None:
    return None if status_id is None else (pipeline_id, status_id)
