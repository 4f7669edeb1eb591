"""The DuckDB file: opening it, waiting for other processes, and translating its errors.

Either one process may have the file open for writing, or several for reading.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import tenacity

from amocrm_assets.duckdb_queries import duckdb_interrupted
from amocrm_assets.errors import Busy, WarehouseRefused
from amocrm_assets.settings import file_mode
from amocrm_assets.storage.modes import make_file, make_folder, tighten
from amocrm_assets.waiting import waiting
from amocrm_assets.warehouse.duckdb.instances import ATTACHED, instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Between attempts to open a file that is held; at random, so that those who wait do not try all at once.
_RETRY_SECONDS = 0.02, 0.2
# With DuckDB's default of 262,144 bytes a file of small shards is ten times as big. A file keeps its first value.
_BLOCK_BYTES = 16_384

_LOAD_AGAIN = (
    "then materialise the assets with tables for all days: shards are loaded from the rows in the storage, without"
    " requests to amoCRM. Restore other tables in the file from a backup."
)
_DAMAGED = (
    "The file is damaged, or is not a DuckDB file. Move it away (`mv {file} {file}.damaged`, and {file}.wal if"
    f" there is one) or restore a backup, {_LOAD_AGAIN}"
)
_OLD_DUCKDB = (
    "A newer version of DuckDB wrote {file}. Install that version, or point AMOCRM_WAREHOUSE at a new file,"
    f" {_LOAD_AGAIN}"
)
_ELSEWHERE = "or point AMOCRM_WAREHOUSE at another file. Existing shards are unchanged."
_NO_RIGHT = f"Give this user write permission for {{file}} and its folder, {_ELSEWHERE}"
_NO_SPACE = f"Free some space in the folder of {{file}}, {_ELSEWHERE}"
_UNKNOWN = f"Check that {{file}} is a file, that this user may write it, and that its disk has space, {_ELSEWHERE}"

# DuckDB has no error codes. The first match counts.
_FIXES = (
    ("newer version of DuckDB|can only read version|database file with version number", _OLD_DUCKDB),
    ("not a valid DuckDB database file|[Cc]orrupt|checksum|Could not read enough bytes", _DAMAGED),
    ("SerializationException|Failed to deserialize|InternalException|FatalException|WAL file", _DAMAGED),
    ("Permission denied|[Rr]ead-only|Operation not permitted", _NO_RIGHT),
    ("No space left|[Dd]isk quota|File too large|max_temp_directory_size|OutOfMemoryException", _NO_SPACE),
)


@dataclass(frozen=True)
class DuckDbFile:
    """A file that is opened only for each use, so that other processes can use it in between."""

    path: Path
    wait_seconds: float

    @contextmanager
    def opened(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the file; it is created unless it is opened for reading.

        Raises `Busy` if another process has it open for too long, `WarehouseRefused` if it cannot be opened.
        """
        spill = self.path.with_name(f".{self.path.name}.spill")
        with duckdb_interrupted(), ExitStack() as stack:
            with self.duckdb_errors("Opening the warehouse"):
                make_folder(self.path.parent, file_mode())
                # Each thread keeps its own rows: with two, a million leads exceed the memory and spill.
                connection = stack.enter_context(instance(spill, threads=None if read_only else 1))
                self._attach(connection, read_only=read_only)
                if not read_only:
                    self._close_to_others()
            try:
                yield connection
            finally:
                if not read_only:
                    self._remove_empty_log()

    def _close_to_others(self) -> None:
        """Set the mode of file and log. DuckDB uses the umask, and appends to an existing log."""
        tighten(self.path, file_mode())
        with suppress(FileExistsError):
            make_file(self._log, file_mode())

    def _remove_empty_log(self) -> None:
        """If nothing was written; the file is still locked, so no other process has started to write."""
        with suppress(OSError):
            if self._log.stat().st_size == 0:
                self._log.unlink()

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}.wal")

    def _attach(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        """Wait for another process, or another thread of this one, that has the file open."""
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_held),
            wait=tenacity.wait_random(*_RETRY_SECONDS),
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
        """Translate errors of DuckDB and the disk into ours."""
        try:
            yield
        except (duckdb.Error, OSError) as error:
            facts = {"file": str(self.path)}
            if _is_held(error):
                raise Busy(
                    f"{operation} {self.path}",
                    cause=f"another process has had it open for {self.wait_seconds:.0f} seconds: {error}.",
                    fix="Close that program, or wait until its run has ended, then run again.",
                    **facts,
                ) from error
            raise WarehouseRefused(
                f"{operation} in {self.path}",
                cause=f"{str(error).rstrip('.')}.",
                fix=_fix(error).replace("{file}", str(self.path)),
                **facts,
            ) from error


def _fix(error: Exception) -> str:
    """The fix for an error of DuckDB or of the disk, by its class and text."""
    message = f"{type(error).__name__} {error}"
    return next((fix for words, fix in _FIXES if re.search(words, message)), _UNKNOWN)


def _holder(error: Exception) -> str | None:
    """The holder of the file: program and process id, as reported by DuckDB, or a thread of this process."""
    if found := re.search(r"lock is held in (.+?\(PID \d+\))", str(error)):
        return found[1]
    return "another step of this process" if "Unique file handle conflict" in str(error) else None


def _is_held(error: BaseException) -> bool:
    """Locks are recognised by DuckDB's texts: one for other processes, one for other threads."""
    return any(words in str(error) for words in ("Could not set lock", "Unique file handle conflict"))


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def quoted(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """An SQL string literal, for statements without parameters."""
    return "'" + value.replace("'", "''") + "'"
