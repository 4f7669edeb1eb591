"""The DuckDB file: opening it, waiting for whoever holds it, and what its errors mean.

One process at a time may have the file open for writing, or several for reading. Which tables it holds is not
known here.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import tenacity

from amocrm_assets.errors import Busy, WarehouseRefused
from amocrm_assets.settings import file_mode
from amocrm_assets.storage.modes import make_file, make_folder, tighten
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Name of the file within a connection.
ATTACHED = "warehouse"

# DuckDB's default of 262,144 bytes makes a file of small shards ten times as big. A file keeps what it began with.
_BLOCK_BYTES = 16_384
# DuckDB takes most of the machine's memory if it may, and keeps it; with this it loads a million leads as quickly.
_MEMORY = "128MB"


_LOAD_AGAIN = (
    "then materialise the assets with tables for all days: shards are loaded from the rows in the storage, and"
    " amoCRM is not asked. Other people's tables in the file come back from a copy only."
)
_DAMAGED = (
    "The file is damaged, or is no DuckDB file. Move it away (`mv {file} {file}.damaged`, and {file}.wal if there"
    f" is one) or put a copy in its place, {_LOAD_AGAIN}"
)
_OLD_DUCKDB = (
    "A newer version of DuckDB wrote {file}. Install that version, or point AMOCRM_WAREHOUSE at a new file,"
    f" {_LOAD_AGAIN}"
)
_ELSEWHERE = "or point AMOCRM_WAREHOUSE at another file. Shards that are there are unchanged."
_NO_RIGHT = f"See that this user may write {{file}} and its folder, {_ELSEWHERE}"
_NO_SPACE = f"Free some space in the folder of {{file}}, {_ELSEWHERE}"
_UNKNOWN = f"See that {{file}} is a file, that this user may write it, and that its disk has space, {_ELSEWHERE}"

# DuckDB has no codes for its errors. The first that is found counts.
_FIXES = (
    ("newer version of DuckDB|can only read version|database file with version number", _OLD_DUCKDB),
    ("not a valid DuckDB database file|[Cc]orrupt|checksum|Could not read enough bytes", _DAMAGED),
    ("SerializationException|Failed to deserialize|InternalException|FatalException|WAL file", _DAMAGED),
    ("Permission denied|[Rr]ead-only|Operation not permitted", _NO_RIGHT),
    ("No space left|[Dd]isk quota|File too large|max_temp_directory_size|OutOfMemoryException", _NO_SPACE),
)


@dataclass(frozen=True)
class DuckDbFile:
    """A file that is opened for each use, so that other processes can use it in between."""

    path: Path
    wait_seconds: float

    @contextmanager
    def opened(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that uses the file; a new file is made unless it is only to be read.

        Raises `Busy` when somebody else has had it for too long, `WarehouseRefused` when it cannot be opened.
        """
        with self.duckdb_errors("Opening the warehouse"):
            make_folder(self.path.parent, file_mode())
            spill = self.path.with_name(f".{self.path.name}.spill")
            connection = duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": str(spill)})
        try:
            with self.duckdb_errors("Opening the warehouse"):
                # A statement of more than two seconds would print a bar in the midst of a command's JSON.
                connection.execute("SET enable_progress_bar = false")
                if not read_only:
                    # Each thread holds rows of its own: with two, a million leads outgrow the memory and spill.
                    connection.execute("SET threads = 1")
                self._attach(connection, read_only=read_only)
                if not read_only:
                    self._close_to_others()
            yield connection
        finally:
            if not read_only:
                self._remove_empty_log()
            connection.close()

    def _close_to_others(self) -> None:
        """Give file and log their mode. DuckDB goes by the umask, and appends to a log that is there."""
        tighten(self.path, file_mode())
        with suppress(FileExistsError):
            make_file(self._log, file_mode())

    def _remove_empty_log(self) -> None:
        """Where nothing was written; the file is still held, so nobody else has begun to write."""
        with suppress(OSError):
            if self._log.stat().st_size == 0:
                self._log.unlink()

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}.wal")

    def _attach(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        """Wait for whoever holds the file: another process, or another thread of this one."""
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_held),
            wait=tenacity.wait_random(0.02, 0.2),
            stop=tenacity.stop_after_delay(self.wait_seconds),
            reraise=True,
        )
        try:
            self._attach_once(connection, read_only=read_only)
        except duckdb.Error as error:
            if not _is_held(error):
                raise
            until = time.time() + self.wait_seconds
            with waiting(f"the DuckDB file {self.path}", until=until, holder=_holder(error)):
                attempts(self._attach_once, connection, read_only=read_only)

    def _attach_once(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        if read_only:
            option = "READ_ONLY"
        elif self.path.exists():
            option = "READ_WRITE"
        else:
            option = f"BLOCK_SIZE {_BLOCK_BYTES}"
        connection.execute(f"ATTACH {text(str(self.path))} AS {ATTACHED} ({option})")
        connection.execute(f"USE {ATTACHED}")

    @contextmanager
    def duckdb_errors(self, operation: str) -> Iterator[None]:
        """Turn what DuckDB and the disk say into errors with a fix."""
        try:
            yield
        except (duckdb.Error, OSError) as error:
            facts = {"file": str(self.path)}
            if _is_held(error):
                raise Busy(
                    f"{operation} {self.path}",
                    cause=f"somebody else has had it open for {self.wait_seconds:.0f} seconds: {error}.",
                    fix="Close the program that holds it, or wait until its run has ended, then run again.",
                    **facts,
                ) from error
            raise WarehouseRefused(
                f"{operation} in {self.path}",
                cause=f"{str(error).rstrip('.')}.",
                fix=_fix(error).replace("{file}", str(self.path)),
                **facts,
            ) from error


def _fix(error: Exception) -> str:
    """What to do about an error of DuckDB or of the disk, by its kind and words."""
    said = f"{type(error).__name__} {error}"
    return next((fix for words, fix in _FIXES if re.search(words, said)), _UNKNOWN)


def _holder(error: Exception) -> str | None:
    """Who holds the file: the program and its process id, as DuckDB tells them, or a thread of this process."""
    if found := re.search(r"lock is held in (.+?\(PID \d+\))", str(error)):
        return found[1]
    return "another step of this process" if "Unique file handle conflict" in str(error) else None


def _is_held(error: BaseException) -> bool:
    """DuckDB tells a lock apart by its words only: one kind for other processes, one for other threads."""
    return any(words in str(error) for words in ("Could not set lock", "Unique file handle conflict"))


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of it or nothing."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL writes it, where no parameter is allowed."""
    return "'" + value.replace("'", "''") + "'"
