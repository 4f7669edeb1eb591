"""A reading that fails, is refused or is left keeps the days it has finished, and nothing else."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.captures import days_with_capture
from amocrm_assets.capturing import capture_days
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AccountUnpaid, AmoCrmAssetsError, AmoCrmUnavailable, Busy, DayNotOver
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import DAY, FreeTime, client_of, leads_of, sandbox_with, source
from amocrm_assets_tests.capturing_days import capture, days_from, leads_in

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.storage import Storage


def test_a_reading_that_stops_leaves_no_trace(storage: Storage, tmp_path: Path) -> None:
    with (
        sandbox_with(leads_of(DAY, 3_000), faults=(Fault("402", after=6),)) as sandbox,
        pytest.raises(AmoCrmAssetsError),
    ):
        capture(sandbox, storage, [DAY], source())

    assert days_with_capture(LEADS, storage, "sandbox") == []
    assert not [path for path in (tmp_path / "data").rglob("*.gz*") if path.is_file()]


@pytest.mark.slow
def test_days_that_were_finished_stay_when_a_later_one_fails(storage: Storage) -> None:
    # The first page passes the first day. Those after it are more than can be asked for, or wait, meanwhile.
    with (
        sandbox_with(leads_of(DAY, 200), leads_of(DAY + timedelta(days=1), 15_000, days=4)) as sandbox,
        client_of(sandbox) as client,
    ):
        captured = capture_days(LEADS, source(), days_from(DAY, 5), client=client, storage=storage)
        first = next(captured)
        sandbox.configure(faults=(Fault("402"),))
        with pytest.raises(AccountUnpaid):
            list(captured)
        window = day_window(first.day, source().zone)
        expected = sandbox.account.stamps(window.from_at, window.to_at)

    finished = days_with_capture(LEADS, storage, "sandbox")
    assert first.day in finished
    assert len(finished) < 5
    assert {lead["id"] for lead in leads_in(storage, first.day)} == set(expected)


@pytest.mark.slow
def test_a_consumer_that_stops_leaves_no_thread_and_no_file_behind(storage: Storage, tmp_path: Path) -> None:
    with (
        sandbox_with(leads_of(DAY, 10_000, days=5)) as sandbox,
        client_of(sandbox) as client,
        closing(capture_days(LEADS, source(), days_from(DAY, 5), client=client, storage=storage)) as captured,
    ):
        next(captured)

    assert len(days_with_capture(LEADS, storage, "sandbox")) == 1
    assert len([path for path in (tmp_path / "data").rglob("*.gz*") if path.is_file()]) == 1


def test_a_day_that_is_not_over_by_amocrms_clock_is_refused(storage: Storage) -> None:
    window = day_window(DAY, source().zone)
    with sandbox_with(leads_of(DAY, 10), frozen_at=window.to_at - 100) as sandbox, pytest.raises(DayNotOver):
        capture(sandbox, storage, [DAY], source())

    assert days_with_capture(LEADS, storage, "sandbox") == []


def test_an_account_is_asked_by_one_reading_at_a_time(storage: Storage) -> None:
    with (
        sandbox_with(leads_of(DAY, 10)) as sandbox,
        storage.lock("locks/sandbox", wait_seconds=0),
        client_of(sandbox) as client,
        pytest.raises(Busy),
    ):
        list(capture_days(LEADS, source(), [DAY], client=client, storage=storage, lock_wait_seconds=0.1))


def test_amocrm_that_stays_away_is_said_so(storage: Storage) -> None:
    free_time = FreeTime()
    with (
        sandbox_with(leads_of(DAY, 10), faults=(Fault("503"),)) as sandbox,
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable),
    ):
        list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))
