"""What every storage promises, run against each of them."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as replace_fields
from queue import Queue

import pytest

from amocrm_assets.captures import days_with_capture
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import Busy
from amocrm_assets.rows import read_rows, write_rows
from amocrm_assets.storage import Storage
from amocrm_assets.storage.holder import acting_for
from amocrm_assets.waiting import listen
from amocrm_assets_tests.rows.days import DAY, keep, lead, source
from amocrm_assets_tests.storage.files import content, create, replace
from amocrm_assets_tests.storage.places import Place

NAME = "captures/acme/leads/2026-01-01/one.jsonl.gz"


def test_a_created_file_is_there_whole_and_by_its_name(storage: Storage) -> None:
    create(storage, NAME, b"whole")
    assert storage.names("") == [NAME]
    assert content(storage, NAME) == b"whole"


def test_an_empty_storage_has_no_names(storage: Storage) -> None:
    assert storage.names("") == []
    assert storage.names("captures/acme") == []


def test_a_taken_name_is_not_taken_away(storage: Storage) -> None:
    create(storage, NAME, b"first")
    with pytest.raises(FileExistsError):
        create(storage, NAME, b"second")
    assert content(storage, NAME) == b"first"


def test_of_many_who_create_one_name_one_succeeds(storage: Storage) -> None:
    def tries(number: int) -> int | None:
        try:
            create(storage, NAME, str(number).encode())
        except FileExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        created = [number for number in pool.map(tries, range(8)) if number is not None]
    assert [str(number).encode() for number in created] == [content(storage, NAME)]


def test_a_file_can_be_replaced_and_replaced_again(storage: Storage) -> None:
    for text in (b"first", b"second", b"third"):
        replace(storage, NAME, text)
        assert content(storage, NAME) == text
    assert storage.names("") == [NAME]


def test_names_are_those_below_a_folder_and_not_its_neighbours(storage: Storage) -> None:
    for name in (
        "captures/acme-eu/b",
        "captures/acme/b",
        "captures/acme/a",
        "captures/acme/deep/er/c",
        "captures/acme2",
    ):
        create(storage, name, b"")
    assert storage.names("captures/acme") == ["captures/acme/a", "captures/acme/b", "captures/acme/deep/er/c"]


def test_nothing_is_seen_of_a_file_that_is_not_published(storage: Storage) -> None:
    with storage.temp_file(NAME) as temp:
        temp.write_bytes(b"half")
        assert storage.names("") == []
    assert not temp.exists()
    assert storage.names("") == []


def test_a_temporary_file_is_removed_when_its_writer_fails(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.temp_file(NAME) as temp:
        temp.write_bytes(b"half" * (1 // 0))
    assert not temp.exists()


def test_what_a_killed_writer_left_is_swept(storage: Storage, place: Place) -> None:
    with place.process(f"temp_file({NAME!r})", then="it.write_bytes(b'half')") as process:
        process.kill()
    create(storage, NAME, b"whole")
    assert storage.remove_stale("captures/other") == 0
    assert storage.remove_stale("captures/acme") == 1
    assert storage.remove_stale("captures/acme") == 0
    assert content(storage, NAME) == b"whole"


def test_removing_stale_files_of_one_name_leaves_its_neighbours_writers_alone(storage: Storage) -> None:
    with storage.temp_file("rows/acme/1.parquet") as first, storage.temp_file("rows/acme/11.parquet") as second:
        first.write_bytes(b"half")
        second.write_bytes(b"half")
        assert storage.remove_stale("rows/acme/1.parquet") == 1
        assert (first.exists(), second.exists()) == (False, True)


def test_a_missing_file_is_told_as_missing(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError), storage.as_local_path(NAME):
        pass
    assert storage.read(NAME) is None


def test_a_small_file_is_written_only_over_the_version_that_was_read(storage: Storage) -> None:
    first = storage.write("acme/tokens.json", b"first", if_version=None)
    assert first is not None
    assert storage.write("acme/tokens.json", b"other", if_version=None) is None
    second = storage.write("acme/tokens.json", b"second", if_version=first)
    assert second is not None
    assert storage.write("acme/tokens.json", b"late", if_version=first) is None
    found = storage.read("acme/tokens.json")
    assert found is not None
    assert (found.content, found.version) == (b"second", second)


def test_a_version_of_a_file_that_is_gone_is_not_written_over(storage: Storage) -> None:
    version = storage.write("acme/tokens.json", b"first", if_version=None)
    storage.delete("acme/tokens.json")
    assert storage.write("acme/tokens.json", b"second", if_version=version) is None
    assert storage.read("acme/tokens.json") is None


def test_no_write_is_lost_when_many_count_in_one_file(storage: Storage) -> None:
    def counts_one_up(_: int) -> None:
        while True:
            there = storage.read("count")
            number = int(there.content) if there else 0
            if storage.write("count", str(number + 1).encode(), if_version=there.version if there else None):
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(counts_one_up, range(12)))
    found = storage.read("count")
    assert found is not None
    assert found.content == b"12"


def test_a_version_tells_one_content_from_another(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.version(NAME)
    create(storage, NAME, b"first")
    first = storage.version(NAME)
    assert storage.version(NAME) == first
    replace(storage, NAME, b"second")
    assert storage.version(NAME) != first


def test_captures_become_rows_in_every_storage(storage: Storage) -> None:
    keep(storage, [lead(1), lead(2)])
    keep(storage, [lead(3)], number=1)
    assert days_with_capture(LEADS, storage, "acme") == [DAY]
    assert write_rows(LEADS, storage, source(), DAY).row_count == 3
    assert write_rows(LEADS, storage, source(), DAY).row_count == 3
    assert read_rows(LEADS.table, storage, "acme", [DAY])["id"].tolist() == [1, 2, 3]


def test_deleting_twice_is_deleting_once(storage: Storage) -> None:
    create(storage, NAME, b"whole")
    storage.delete(NAME)
    storage.delete(NAME)
    assert storage.names("") == []


def test_a_lock_is_held_by_one_thread_at_a_time(storage: Storage) -> None:
    inside = threading.Semaphore(1)

    def enters(_: int) -> bool:
        with storage.lock("locks/acme", wait_seconds=60):
            alone = inside.acquire(blocking=False)
            inside.release()
            return alone

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(enters, range(8)))


@pytest.mark.slow
def test_a_held_lock_is_waited_for_and_then_reported_as_busy(storage: Storage, place: Place) -> None:
    with place.process("lock('locks/acme', wait_seconds=5)"):
        with pytest.raises(Busy, match="locks/acme"), storage.lock("locks/acme", wait_seconds=0.2):
            pass
        with storage.lock("locks/other", wait_seconds=5):
            pass
    with storage.lock("locks/acme", wait_seconds=30):
        pass


@pytest.mark.slow
def test_who_waits_for_a_lock_is_told_who_holds_it_and_until_when(place: Place) -> None:
    sentences = Queue[str]()
    # No lease runs out while a busy machine keeps its holder waiting.
    place = replace_fields(place, lease_seconds=60)
    with (
        place.process("lock('locks/acme', wait_seconds=5)") as process,
        listen(sentences.put),
        ThreadPoolExecutor(1) as pool,
    ):
        began = time.monotonic()
        waiter = pool.submit(place.opened().lock("locks/acme", wait_seconds=60).__enter__)
        sentence = sentences.get(timeout=20)
        assert time.monotonic() - began < 10
        process.communicate()
        waiter.result()
    assert sentence.startswith("Waiting for the lock locks/acme, ")
    assert re.search(rf"UTC at the latest; held by process {process.pid} on .*, since 20.* UTC", sentence)


def test_a_lock_names_the_run_that_holds_it(storage: Storage, place: Place) -> None:
    with (
        acting_for("run 1a2b"),
        storage.lock("locks/acme", wait_seconds=5),
        pytest.raises(Busy, match="run 1a2b, process") as caught,
        place.opened().lock("locks/acme", wait_seconds=0),
    ):
        pass
    assert str(caught.value.facts["holder"]).startswith("run 1a2b, process")


@pytest.mark.slow
def test_the_lock_of_a_killed_holder_comes_free(storage: Storage, place: Place) -> None:
    with place.process("lock('locks/acme', wait_seconds=5)") as process:
        process.kill()
        process.wait()
        with storage.lock("locks/acme", wait_seconds=30):
            assert storage.names("") == []


def test_a_lock_may_be_released_by_another_thread_than_took_it(storage: Storage) -> None:
    with ThreadPoolExecutor(1) as pool:
        lock = storage.lock("locks/acme", wait_seconds=5)
        pool.submit(lock.__enter__).result()
        lock.__exit__(None, None, None)
    with storage.lock("locks/acme", wait_seconds=0):
        pass


def test_a_lock_comes_free_when_its_holder_fails(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.lock("locks/acme", wait_seconds=5):
        raise ZeroDivisionError
    with storage.lock("locks/acme", wait_seconds=5):
        pass


@pytest.mark.parametrize("name", ["../escape", "/absolute", "a//b", "a/.hidden/b", ".", "a/"])
def test_names_outside_or_hidden_are_mistakes(storage: Storage, name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        storage.read(name)


def test_two_openings_of_one_place_see_the_same(storage: Storage, place: Place) -> None:
    create(storage, NAME, b"whole")
    assert content(place.opened(), NAME) == b"whole"
    assert storage.uri(NAME).endswith(NAME)
