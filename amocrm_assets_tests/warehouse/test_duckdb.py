"""What is DuckDB's own: the file, its lock, its types and its permissions."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import Busy, WarehouseRefused
from amocrm_assets.shard import duckdb_type
from amocrm_assets.waiting import Waits
from amocrm_assets.warehouse import LoadResult, open_warehouse
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets.warehouse.duckdb.file import DuckDbFile, quoted
from amocrm_assets_tests.signals import interrupted
from amocrm_assets_tests.warehouse.duckdb_holder import holder
from amocrm_assets_tests.warehouse.places import Place, duckdb_place_at, lead

DAY = date(2026, 1, 1)


def test_the_shard_has_the_exact_types_in_order(duckdb_place: Place) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))

    columns = duckdb_place.query('SELECT column_name, column_type FROM (DESCRIBE "amoCrmLeads_acme_20260101")')

    assert columns == [(column.name, duckdb_type(column)) for column in LEADS.table.columns]
    assert columns[-1][1] == (
        'STRUCT(id BIGINT, "name" VARCHAR, is_system BOOLEAN, "values" STRUCT("value" VARCHAR, "enum" BIGINT)[])[]'
    )


def test_the_columns_are_described(duckdb_place: Place) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, []))

    comments = duckdb_place.query(
        "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
    )

    assert comments == [(column.name, column.description) for column in LEADS.table.columns]


@pytest.mark.slow
def test_a_new_file_has_small_blocks_so_that_many_shards_stay_small(
    duckdb_place: Place, duckdb_file: Path
) -> None:
    days = [DAY + timedelta(days=number) for number in range(25)]
    leads = [lead(number) for number in range(20)]
    duckdb_place.load_shards(*[duckdb_place.load(day, leads) for day in days])
    first_bytes = duckdb_file.stat().st_size
    for turn in range(2):
        duckdb_place.load_shards(*[duckdb_place.load(day, leads) for day in days], run_id=f"again-{turn}")

    assert duckdb_place.query("SELECT block_size FROM pragma_database_size()") == [(16_384,)]
    assert first_bytes < 40_000 * len(days)
    assert duckdb_file.stat().st_size < 2 * first_bytes + 1_000_000, "replacing shards must reuse their blocks"


def test_a_file_that_somebody_made_otherwise_is_used_as_it_is(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_file.parent.mkdir()
    with duckdb.connect(str(duckdb_file)) as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1 AS one")

    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))

    assert duckdb_place.query("SELECT one FROM theirs") == [(1,)]
    assert duckdb_place.leads(DAY) == [lead(1)]


def test_asking_before_anything_was_put_makes_no_file(duckdb_place: Place, duckdb_file: Path) -> None:
    assert duckdb_place.warehouse.shard_days(LEADS.table, "acme") == {}
    assert not duckdb_file.exists()


def test_a_signal_ends_a_query_as_it_ends_everything_else(duckdb_file: Path) -> None:
    """DuckDB drops what the signal's handler raises, and raises `RuntimeError`."""
    file = DuckDbFile(duckdb_file, wait_seconds=5)

    def count() -> None:
        with file.opened() as connection:
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            connection.execute("SELECT count(*) FROM range(1000000000000000)").fetchall()

    with pytest.raises(KeyboardInterrupt):
        count()
    with pytest.raises(RuntimeError, match="another one"), file.opened():
        raise RuntimeError("another one")
    with file.opened() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


# Its one task runs for minutes, and DuckDB looks at signals between tasks.
ENDLESS = "(SELECT count(*) FROM range(100000000) a(x), range(100000000) b(y) WHERE hash(x + y) % 7 = 3)"


def test_a_signal_ends_a_load_that_keeps_duckdb_busy(duckdb_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    with monkeypatch.context() as patched, interrupted():
        values = ", ".join([ENDLESS, *["NULL"] * (len(LEADS.table.columns) - 1)])
        patched.setattr("amocrm_assets.warehouse.duckdb._names", lambda _: values)
        duckdb_place.load_shards(duckdb_place.load(DAY, [lead(2)]))
    assert duckdb_place.leads(DAY) == [lead(1)]


def test_a_signal_ends_the_reading_of_a_shard_that_keeps_duckdb_busy(
    duckdb_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    with monkeypatch.context() as patched, interrupted():
        patched.setattr(
            "amocrm_assets.warehouse.duckdb.quoted",
            lambda name: f"{ENDLESS} AS {quoted(name)}" if name == "id" else quoted(name),
        )
        list(duckdb_place.warehouse.tables(LEADS.table, "acme", [DAY]))
    assert duckdb_place.leads(DAY) == [lead(1)]


def test_a_file_held_by_another_process_is_waited_for(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.warehouse.prepare()
    process = holder(duckdb_file, seconds=0.5)
    with process:
        outcome = duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))[DAY]

    assert isinstance(outcome, LoadResult)


def test_a_file_held_for_too_long_is_busy_and_names_the_holder(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.warehouse.prepare()
    impatient = DuckDbWarehouse(duckdb_file, wait_seconds=0.2)
    process = holder(duckdb_file, seconds=60)
    with process:
        with pytest.raises(Busy, match=f"PID {process.pid}") as caught:
            impatient.prepare()
        with pytest.raises(Busy):
            impatient.shard_days(LEADS.table, "acme")
        process.kill()

    assert "Close that program" in str(caught.value)
    assert str(duckdb_file) in str(caught.value)


def test_threads_of_one_process_wait_for_each_other(duckdb_place: Place) -> None:
    loads = [duckdb_place.load(DAY + timedelta(days=number), [lead(number)]) for number in range(8)]
    threads = [threading.Thread(target=duckdb_place.load_shards, args=[load]) for load in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(duckdb_place.warehouse.shard_days(LEADS.table, "acme")) == len(loads)


def test_a_path_may_hold_what_elsewhere_is_a_pattern(tmp_path: Path) -> None:
    odd = tmp_path / "it's [a] name=b *"
    place = duckdb_place_at(odd / "ware'house.duckdb", storage=odd)

    outcome = place.load_shards(place.load(DAY, [lead(1)]))[DAY]

    assert isinstance(outcome, LoadResult), outcome
    assert place.leads(DAY) == [lead(1)]


def test_a_folder_that_cannot_be_made_is_refused_with_its_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warehouse = DuckDbWarehouse(tmp_path / "file" / "warehouse.duckdb")

    with pytest.raises(WarehouseRefused, match="point AMOCRM_WAREHOUSE at another file"):
        warehouse.prepare()


def test_whoever_waits_for_the_file_says_who_holds_it_and_until_when(
    duckdb_place: Place, duckdb_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb_place.warehouse.prepare()
    waits = Waits(first_seconds=0.1)
    monkeypatch.setattr("amocrm_assets.warehouse.duckdb.file.waiting", waits.waiting)
    sentences: list[str] = []
    with holder(duckdb_file, seconds=1.0) as process, waits.listen(sentences.append):
        duckdb_place.warehouse.prepare()

    (sentence,) = sentences
    assert sentence.startswith(f"Waiting for the DuckDB file {duckdb_file}, 0 s so far, until ")
    assert f"(PID {process.pid})" in sentence


def test_whoever_waits_for_a_thread_of_his_own_process_says_so(
    duckdb_place: Place, duckdb_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(first_seconds=0.1)
    monkeypatch.setattr("amocrm_assets.warehouse.duckdb.file.waiting", waits.waiting)
    sentences: list[str] = []
    with waits.listen(sentences.append):
        loads = [duckdb_place.load(DAY, [])]
        held = iter(duckdb_place.warehouse.load(loads, duckdb_place.storage, run_id="run-1"))
        next(held)
        with pytest.raises(Busy):
            DuckDbWarehouse(duckdb_file, wait_seconds=0.5).prepare()
        list(held)

    assert "held by another step of this process" in sentences[0]


def test_a_file_that_is_free_is_not_waited_for(duckdb_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(*args: object, **more: object) -> None:
        raise AssertionError(args, more)

    monkeypatch.setattr("amocrm_assets.warehouse.duckdb.file.waiting", unexpected)
    duckdb_place.warehouse.prepare()


def test_a_caller_in_a_hurry_waits_no_longer_than_it_said(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.warehouse.prepare()
    with holder(duckdb_file, seconds=60) as process:
        started = time.monotonic()
        with pytest.raises(Busy):
            open_warehouse(f"duckdb:///{duckdb_file}", wait_seconds=0.3).shard_days(LEADS.table, "acme")
        assert time.monotonic() - started < 20
        process.kill()


def test_the_file_its_log_and_its_folder_are_for_their_owner_alone(duckdb_place: Place, duckdb_file: Path) -> None:
    before = os.umask(0)
    try:
        loads = [duckdb_place.load(DAY, [lead(1)]), duckdb_place.load(DAY + timedelta(days=1), [lead(2)])]
        found: set[tuple[str, int]] = set()
        for _ in duckdb_place.warehouse.load(loads, duckdb_place.storage, run_id="run-1"):
            found |= {(path.name, path.stat().st_mode & 0o7777) for path in duckdb_file.parent.iterdir()}
    finally:
        os.umask(before)
    assert found == {("warehouse.duckdb", 0o600), ("warehouse.duckdb.wal", 0o600)}
    assert duckdb_file.parent.stat().st_mode & 0o7777 == 0o700


def test_a_file_that_an_earlier_version_let_everybody_read_is_closed_and_no_empty_log_is_left(
    duckdb_place: Place, duckdb_file: Path
) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    duckdb_file.chmod(0o644)
    duckdb_place.warehouse.prepare()
    assert duckdb_file.stat().st_mode & 0o7777 == 0o600
    assert [path.name for path in duckdb_file.parent.iterdir()] == ["warehouse.duckdb"]


def test_a_long_statement_prints_no_bar(duckdb_file: Path) -> None:
    """DuckDB draws one after two seconds, which would be in the midst of a command's JSON."""
    with DuckDbFile(duckdb_file, wait_seconds=5).opened() as connection:
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
