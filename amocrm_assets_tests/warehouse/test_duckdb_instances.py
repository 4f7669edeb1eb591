"""One DuckDB instance serves use after use, but none that failed, spilled or belongs to another process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.warehouse.duckdb.file import DuckDbFile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> DuckDbFile:
    return DuckDbFile(tmp_path / "warehouse.duckdb", wait_seconds=5)


def used(file: DuckDbFile, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """The instance of one use, which is over."""
    with file.opened(read_only=read_only) as connection:
        return connection


def test_an_instance_is_used_again_for_reading_writing_and_other_files(file: DuckDbFile, tmp_path: Path) -> None:
    with file.opened() as first:
        first.execute("CREATE TABLE one AS SELECT 1")
        assert first.execute("SELECT current_setting('threads')").fetchone() == (1,)
    with file.opened(read_only=True) as again:
        assert again is first
        assert again.execute("SELECT current_setting('threads')").fetchone() == (os.cpu_count(),)
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            again.execute("CREATE TABLE two AS SELECT 2")
    other = DuckDbFile(tmp_path / "other" / "warehouse.duckdb", wait_seconds=5)
    with other.opened() as elsewhere:
        assert elsewhere is first
        assert elsewhere.execute("SHOW TABLES").fetchall() == []
        (spill,) = elsewhere.execute("SELECT current_setting('temp_directory')").fetchall()[0]
        assert spill == str(tmp_path / "other" / ".warehouse.duckdb.spill")


def test_the_file_is_free_for_other_processes_between_uses(file: DuckDbFile) -> None:
    used(file)
    program = f"import duckdb; duckdb.connect({str(file.path)!r}).execute('CREATE TABLE theirs AS SELECT 1')"
    subprocess.run([sys.executable, "-c", program], check=True)
    with file.opened(read_only=True) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("theirs",)]


def test_two_uses_at_once_have_an_instance_each_and_one_is_kept(file: DuckDbFile, tmp_path: Path) -> None:
    other = DuckDbFile(tmp_path / "other.duckdb", wait_seconds=5)
    with file.opened() as first, other.opened() as second:
        assert first is not second
    assert used(file) is second
    with pytest.raises(duckdb.ConnectionException, match="already closed"):
        first.execute("SELECT 1")


def test_an_instance_in_which_something_failed_is_not_used_again(file: DuckDbFile) -> None:
    with pytest.raises(WarehouseRefused), file.duckdb_errors("Writing"), file.opened() as failed:
        failed.execute("SELECT * FROM missing")
    assert used(file) is not failed


def test_an_instance_that_spilled_is_closed_and_leaves_no_folder(file: DuckDbFile) -> None:
    with file.opened() as spilled:
        spilled.execute("CREATE TEMP TABLE big AS SELECT uuid() AS a, uuid() AS b FROM range(5_000_000)")
        assert (file.path.parent / ".warehouse.duckdb.spill").exists()
    assert [path.name for path in file.path.parent.iterdir()] == ["warehouse.duckdb"]
    assert used(file) is not spilled


def test_a_forked_process_does_not_use_the_instance_of_its_parent(
    file: DuckDbFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = used(file)
    with monkeypatch.context() as forked:
        forked.setattr("os.getpid", lambda: -1)
        childs = used(file)
        assert childs is not parents
        assert used(file) is childs
    assert used(file) is parents


def test_an_instance_that_cannot_write_its_log_into_the_file_is_closed_and_its_rows_are_kept(
    file: DuckDbFile,
) -> None:
    """The disk is full when the file is detached; a limit on the size of files fails a write like that."""
    used(file)
    free, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with file.opened() as full:
            full.execute("CREATE TABLE one AS SELECT range AS a, hash(range) AS b FROM range(3000)")
            resource.setrlimit(resource.RLIMIT_FSIZE, (file.path.stat().st_size, most))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (free, most))

    with pytest.raises(duckdb.ConnectionException, match="already closed"):
        full.execute("SELECT 1")
    with file.opened() as after:
        assert after.execute("SELECT count(*) FROM one").fetchone() == (3000,)


def test_an_instance_of_a_program_without_a_file_draws_no_bar(file: DuckDbFile) -> None:
    """DuckDB takes such a program (`python -c`, a console) for a person at a terminal."""
    program = f"""if True:
        from pathlib import Path
        from amocrm_assets.warehouse.duckdb.instances import instance
        with instance(Path({str(file.path)!r}), threads=1) as connection:
            print(connection.execute("SELECT current_setting('enable_progress_bar')").fetchone())
    """
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ended.stdout == "(False,)\n"
