"""Many days give the same rows one after the other and side by side, and what fails one leaves the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from amocrm_assets.captures import capture_names
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired, AmoCrmAssetsError, CaptureDamaged, TransientError
from amocrm_assets.rows import RowsWritten, many_days, rows_name, write_rows
from amocrm_assets.rows.many_days import write_many_days
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import FreeTime
from amocrm_assets_tests.companies_lite import COMPANIES
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, keep, lead, source
from amocrm_assets_tests.storage.fake_gcs import BUCKET, running_gcs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from amocrm_assets.storage import Storage

pytestmark = pytest.mark.slow

DAYS = [DAY + timedelta(days=number) for number in range(6)]


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two, as soon as the first day is made: as on two cores, with days that take long."""
    monkeypatch.setattr(many_days, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(many_days, "_cores", lambda: 2)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return filled(open_storage(str(tmp_path)))


def filled(storage: Storage) -> Storage:
    """A capture of each day: the leads of the first, moved on."""
    for number, day in enumerate(DAYS):
        at = UPDATED_AT + number * 86_400
        keep(storage, [lead(each, updated_at=at, price="much" if each == 1 else 5) for each in (1, 2)], day=day)
    return storage


def made(storage: Storage, **more: Any) -> dict[date, RowsWritten | AmoCrmAssetsError]:
    results: dict[date, RowsWritten | AmoCrmAssetsError] = {}
    with closing(write_many_days(LEADS, storage, source(), DAYS, table=LEADS.table, **more)) as days:
        for day, result in days:
            try:
                results[day] = result()
            except AmoCrmAssetsError as error:
                results[day] = error
    assert list(results) == DAYS
    return results


def workers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [each for each in children if "amocrm_assets.rows.day_worker" in each.cmdline()]


def digests(storage: Storage) -> list[str]:
    digests = []
    for day in DAYS:
        with storage.as_local_path(rows_name(LEADS.table, "acme", day)) as path:
            digests.append(sha256(path.read_bytes()).hexdigest())
    return digests


def without_seconds(written: RowsWritten | AmoCrmAssetsError) -> dict[str, Any]:
    assert isinstance(written, RowsWritten), written
    return {name: value for name, value in vars(written).items() if name != "seconds"}


def test_days_side_by_side_are_what_they_are_one_after_the_other(storage: Storage) -> None:
    alone = [without_seconds(write_rows(LEADS, storage, source(), day)) for day in DAYS]
    before = digests(storage)
    for day in DAYS:
        storage.delete(rows_name(LEADS.table, "acme", day))
    results, started = {}, []

    with closing(write_many_days(LEADS, storage, source(), DAYS, table=LEADS.table)) as days:
        for day, result in days:
            results[day] = without_seconds(result())
            started.append(len(workers()))

    assert started == [0, 2, 2, 2, 2, 2], "the first day is made here, and says how long the others take"
    assert list(results) == DAYS
    assert list(results.values()) == alone
    assert [len(each["oddities"]) for each in alone] == [1] * len(DAYS)
    assert digests(storage) == before
    assert workers() == []


@pytest.mark.parametrize("cores", [1, 2])
def test_no_process_is_started_where_it_would_not_pay(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(many_days, "_cores", lambda: cores)
    monkeypatch.setattr(many_days, "MIN_SECONDS", 0.0 if cores == 1 else 3600.0)
    monkeypatch.setattr("subprocess.Popen", None)
    assert all(isinstance(each, RowsWritten) for each in made(storage).values())


def test_only_the_time_for_rows_starts_processes(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what the caller does with a day: a year of small days is a minute of Dagster's events."""
    clock = FreeTime()
    monkeypatch.setattr(many_days, "MIN_SECONDS", 6.0)
    monkeypatch.setattr("amocrm_assets.rows.many_days.time.perf_counter", clock.clock)
    monkeypatch.setattr("subprocess.Popen", None)
    with closing(write_many_days(LEADS, storage, source(), DAYS, table=LEADS.table)) as days:
        for _, result in days:
            result()
            clock.now += 60


def test_the_imports_of_the_first_day_start_no_process() -> None:
    """They take seconds on a slow machine, which later days do not."""
    check = """
import sys
from datetime import date
from amocrm_assets.entities import LEADS
from amocrm_assets.rows import many_days
many_days.write_rows = lambda *_, **__: print("pandas" in sys.modules)
assert "pandas" not in sys.modules
for _, write in many_days.write_many_days(LEADS, None, None, [date(2026, 3, 10)], table=LEADS.table):
    write()
"""
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, check=True).stdout == b"True\n"


def test_an_entity_that_the_package_does_not_know_is_made_here(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    results = [result for _, result in write_many_days(COMPANIES, storage, source(), DAYS, table=COMPANIES.table)]
    for result in results:
        with pytest.raises(ActionRequired, match="Materialise `raw_companies`"):
            result()


def test_a_day_that_fails_fails_alone_with_its_own_error(storage: Storage) -> None:
    damaged, missing = DAYS[2], DAYS[4]
    (name,) = capture_names(LEADS, storage, "acme", damaged)
    file = Path(storage.uri(name))
    file.write_bytes(file.read_bytes()[:-9])
    storage.delete(capture_names(LEADS, storage, "acme", missing)[0])

    results = made(storage)

    with pytest.raises(CaptureDamaged) as caught:
        write_rows(LEADS, storage, source(), damaged)
    here, error = caught.value, results[damaged]
    assert isinstance(error, CaptureDamaged)
    assert (str(error), error.operation, error.cause, error.fix, error.facts) == (
        *(str(here), here.operation, here.cause, here.fix, here.facts),
    )
    assert "In the process that made the day" in "".join(error.__notes__)
    assert isinstance(results[missing], ActionRequired)
    assert sum(isinstance(each, RowsWritten) for each in results.values()) == 4


def test_a_process_that_is_killed_is_an_error_that_names_the_day_and_may_pass(storage: Storage) -> None:
    with closing(write_many_days(LEADS, storage, source(), DAYS, table=LEADS.table)) as days:
        next(days)[1]()
        second = next(days)
        for each in workers():
            each.send_signal(signal.SIGKILL)
        errors = []
        for day, result in [second, *days]:
            try:
                result()
            except TransientError as error:
                errors.append((day, error))
    assert errors
    assert str(errors[0][0]) in errors[0][1].operation
    assert "ended with status -9: it was killed, probably because memory ran out" in errors[0][1].cause
    assert isinstance(made(storage)[errors[0][0]], RowsWritten)


def test_days_are_made_here_where_a_process_cannot_start(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from an archive of Python code, whose interpreter knows none of its packages."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert all(isinstance(each, RowsWritten) for each in made(storage).values())
    assert len(set(digests(storage))) == len(DAYS)


def test_an_interrupt_ends_the_processes_at_once(storage: Storage) -> None:
    began = time.monotonic()

    def interrupted() -> Iterator[None]:
        with closing(write_many_days(LEADS, storage, source(), DAYS, table=LEADS.table)) as days:
            for number, (_, result) in enumerate(days):
                result()
                if number == 1:
                    started.extend(workers())
                    for each in started:
                        each.send_signal(signal.SIGINT)  # as a terminal does; only this process obeys it
                    yield
                    raise KeyboardInterrupt

    started: list[psutil.Process] = []
    days = interrupted()
    next(days)
    assert [each.is_running() for each in started] == [True, True]
    with pytest.raises(KeyboardInterrupt):
        next(days)
    assert not any(each.is_running() for each in started)
    assert time.monotonic() - began < 60


def test_days_in_a_bucket_are_made_side_by_side_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_gcs() as gcs:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
        storage = filled(open_storage(f"gs://{BUCKET}/amocrm"))
        assert all(isinstance(each, RowsWritten) for each in made(storage).values())
        assert len(set(digests(storage))) == len(DAYS)


def test_the_processes_hash_with_the_key_of_the_environment(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "AMOCRM_HASH_KEY", "0" * 64)
    hashing = source(hash_fields=["name"])
    with closing(write_many_days(LEADS, storage, hashing, DAYS, table=LEADS.table)) as days:
        assert [result().row_count for _, result in days] == [2] * len(DAYS)
    side_by_side = digests(storage)
    for day in DAYS:
        write_rows(LEADS, storage, hashing, day)
    assert digests(storage) == side_by_side
