"""DuckDB instances in memory, to which the warehouse's file is attached for each use.

Creating one takes 20 to 30 ms of CPU time, ten times as much as attaching a file, so a process keeps one between
uses.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# By default DuckDB uses most of the machine's memory and keeps it; with this limit it loads a million leads as
# fast.
_MEMORY = "128MB"

# Name of the attached file within an instance.
ATTACHED = "warehouse"

# By process: a forked process must neither use nor destroy the instance of its parent, whose threads it does not
# have.
_unused: dict[int, duckdb.DuckDBPyConnection] = {}
_lock = Lock()


@contextmanager
def instance(spill: Path, *, threads: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An instance for one use, which spills into that folder; `threads` is None for as many as there are cores.

    What the caller attaches as `ATTACHED` is detached afterwards. After an error the instance is closed, since
    DuckDB does not use one again that has had a fatal error.
    """
    connection = _taken() or _created()
    try:
        connection.execute("SET temp_directory = $folder", {"folder": str(spill)})
        connection.execute("RESET threads" if threads is None else f"SET threads = {threads}")
        yield connection
    except BaseException:
        connection.close()
        raise
    # The folder of an instance that has spilled cannot be changed, and is removed when the instance is closed.
    if spill.exists() or not _is_detached(connection) or not _kept(connection):
        connection.close()


def _created() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"memory_limit": _MEMORY})
    # Otherwise a statement of more than two seconds prints a progress bar into a command's JSON.
    connection.execute("SET enable_progress_bar = false")
    return connection


def _taken() -> duckdb.DuckDBPyConnection | None:
    with _lock:
        return _unused.pop(os.getpid(), None)


def _kept(connection: duckdb.DuckDBPyConnection) -> bool:
    """False if another thread has already kept one."""
    with _lock:
        return _unused.setdefault(os.getpid(), connection) is connection


def _is_detached(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute(f"USE memory; DETACH {ATTACHED}")
    except duckdb.Error:
        # No space for a checkpoint: closing leaves the file's log, which its next use applies.
        return False
    return True
