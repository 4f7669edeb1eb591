"""An account's pace is handed over from one process to the next, and waited for only by those who ask at once."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.http import limiters
from amocrm_assets.crm.http.account_lock import account_lock
from amocrm_assets.crm.http.limiters import limiter_of
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import FreeTime, source

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from amocrm_assets.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "kept"))


@pytest.fixture
def no_limiters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiters, "_limiters", {})


class Process:
    """A process with a limiter of its own; all share one clock, but for what its wall clock is off by."""

    def __init__(self, time: FreeTime, storage: Storage, *, clock_ahead: float = 0.0) -> None:
        self.limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
        self._time, self._storage, self._ahead = time, storage, clock_ahead

    def locked(self) -> AbstractContextManager[None]:
        return account_lock(
            "acme",
            limiter=self.limiter,
            storage=self._storage,
            wait_seconds=1,
            now=lambda: self._time.now + self._ahead,
        )

    def ask(self, times: int) -> list[float]:
        sent = []
        for _ in range(times):
            permit = self.limiter.acquire()
            permit.mark_sent()
            permit.mark_response_started()
            sent.append(self._time.now)
        return sent


def most_in_a_second(sent: list[float]) -> int:
    return max(sum(start <= other <= start + 1 for other in sent) for start in sent)


def test_giving_the_lock_back_waits_for_nothing(storage: Storage) -> None:
    time = FreeTime()
    first = Process(time, storage)
    with first.locked():
        last = first.ask(9)[-1]

    assert time.now == last
    assert first.limiter.drain_delay() > 0.1


@pytest.mark.parametrize("fails", [False, True])
def test_the_next_process_keeps_the_budget_together_with_the_one_before(storage: Storage, fails: bool) -> None:  # noqa: FBT001
    time = FreeTime()
    sent: list[float] = []
    for _ in range(4):
        process = Process(time, storage)
        end = pytest.raises(ZeroDivisionError) if fails else nullcontext()
        with end, process.locked():
            sent += process.ask(9)
            _ = 1 / (not fails)

    assert most_in_a_second(sent) <= 7


def test_a_process_that_comes_later_waits_for_nothing(storage: Storage) -> None:
    time = FreeTime()
    first, second = Process(time, storage), Process(time, storage)
    with first.locked():
        first.ask(9)
    time.sleep(2)
    with second.locked():
        assert second.limiter.time_until_next() == 0


@pytest.mark.parametrize("clock_ahead", [-3600.0, 3600.0])
def test_a_wrong_clock_makes_nobody_wait_for_longer_than_a_second_or_so(
    storage: Storage, clock_ahead: float
) -> None:
    time = FreeTime()
    first, second = Process(time, storage), Process(time, storage, clock_ahead=clock_ahead)
    with first.locked():
        first.ask(9)
    with second.locked():
        assert second.limiter.time_until_next() <= 1.1


def test_a_note_that_somebody_has_changed_stops_nobody(storage: Storage) -> None:
    storage.write("locks/acme.json", b'{"limiter": ', if_version=None)
    process = Process(FreeTime(), storage)
    with process.locked():
        assert process.limiter.time_until_next() == 0
        process.ask(9)

    note = storage.read("locks/acme.json")
    assert note is not None
    assert json.loads(note.content)["limiter"] == process.limiter.key


@pytest.mark.usefixtures("no_limiters")
def test_all_clients_of_a_process_share_the_limiter_of_their_account() -> None:
    acme, other = source(base_url="http://127.0.0.1:1"), source(base_url="http://127.0.0.1:2")

    assert limiter_of(acme) is limiter_of(acme)
    assert limiter_of(acme) is not limiter_of(other)


@pytest.mark.usefixtures("no_limiters")
def test_another_pace_for_one_run_begins_behind_the_requests_of_the_usual_one() -> None:
    usual = limiter_of(source())
    for _ in range(2):
        usual.acquire().mark_sent()

    slower = limiter_of(source(requests_per_second=2))

    assert slower.requests_per_second == 2
    assert slower.time_until_next() > 0.5


def test_the_same_limiter_does_not_wait_for_its_own_requests(storage: Storage) -> None:
    time = FreeTime()
    process = Process(time, storage)
    sent: list[float] = []
    for _ in range(3):
        with process.locked():
            sent += process.ask(10)

    assert most_in_a_second(sent) <= 7
    assert 29 / (sent[-1] - sent[0]) >= 0.95 * 7


def test_the_same_limiter_goes_on_at_its_pace_without_a_pause(storage: Storage) -> None:
    process = Process(FreeTime(), storage)
    with process.locked():
        process.ask(2)  # fewer than the budget, so another limiter would have to wait
    expected = process.limiter.time_until_next()
    assert expected < process.limiter.drain_delay()
    with process.locked():
        assert process.limiter.time_until_next() == expected
