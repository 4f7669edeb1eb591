"""How often a request is retried, and how long it waits: tests of `crm.http.retries`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.http.responses import RateLimited, RetryableError
from amocrm_assets.crm.http.retries import Retries
from amocrm_assets_tests.accounts import FreeTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BROKEN, LIMITED = RetryableError("502 from the server", status=502), RateLimited(None)


class Attempts:
    """Attempts that fail with the given errors in order and then succeed; each takes so many seconds."""

    def __init__(
        self,
        errors: Iterable[RetryableError],
        *,
        seconds: float = 0.0,
        give_up: Callable[[RetryableError], bool] = lambda _: False,
    ) -> None:
        self.numbers: list[int] = []
        self.retried: list[RetryableError] = []
        self.waits: list[float] = []
        self._errors = iter(errors)
        self._seconds = seconds
        self._time = FreeTime()
        self.retries = Retries(
            clock=self._time.clock, sleep=self._wait, on_retry=self.retried.append, give_up=give_up
        )

    def run(self) -> str:
        return self.retries.run(self._attempt)

    def _attempt(self, number: int) -> str:
        self.numbers.append(number)
        self._time.sleep(self._seconds)
        for error in self._errors:
            raise error
        return "response"

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._time.sleep(seconds)


@pytest.fixture
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as long as chance allows."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)


def test_an_attempt_that_succeeds_is_the_only_one() -> None:
    attempts = Attempts([])
    assert attempts.run() == "response"
    assert (attempts.numbers, attempts.retried, attempts.retries.failed) == ([1], [], 0)


def test_the_twelfth_failure_is_the_last_one() -> None:
    attempts = Attempts([BROKEN] * 12)
    with pytest.raises(RetryableError, match="502"):
        attempts.run()
    assert attempts.numbers == list(range(1, 13))
    assert (len(attempts.retried), attempts.retries.failed) == (11, 12)


def test_eleven_failures_are_overcome() -> None:
    attempts = Attempts([BROKEN] * 11)
    assert attempts.run() == "response"
    assert attempts.retries.failed == 11


@pytest.mark.usefixtures("longest_waits")
def test_waits_double_up_to_half_a_minute() -> None:
    attempts = Attempts([BROKEN] * 8)
    attempts.run()
    assert attempts.waits == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_waits_differ_by_chance_from_nothing_on() -> None:
    attempts = Attempts([BROKEN] * 11)
    attempts.run()
    assert 0 <= min(attempts.waits) < max(attempts.waits) <= 30
    assert len(set(attempts.waits)) == 11


@pytest.mark.parametrize(("seconds", "count"), [(450.0, 4), (449.0, 4), (451.0, 3), (901.0, 2), (900.0, 3)])
def test_a_failure_later_than_a_quarter_of_an_hour_after_the_first_is_the_last_one(
    monkeypatch: pytest.MonkeyPatch, seconds: float, count: int
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, _high: low)
    attempts = Attempts([BROKEN] * 12, seconds=seconds)
    with pytest.raises(RetryableError):
        attempts.run()
    assert attempts.numbers == list(range(1, count + 1))


def test_a_429_neither_counts_nor_waits_here() -> None:
    attempts = Attempts([LIMITED] * 30, seconds=60, give_up=lambda _: True)
    assert attempts.run() == "response"
    assert (attempts.retries.failed, set(attempts.waits), len(attempts.retried)) == (0, {0.0}, 30)


def test_the_caller_may_end_the_attempts_early() -> None:
    attempts = Attempts([BROKEN] * 12, give_up=lambda error: error is BROKEN and len(attempts.numbers) == 3)
    with pytest.raises(RetryableError):
        attempts.run()
    assert attempts.numbers == [1, 2, 3]


def test_another_error_ends_at_once() -> None:
    def fail(_number: int) -> str:
        raise ValueError("not retryable")

    attempts = Attempts([])
    with pytest.raises(ValueError, match="not retryable"):
        attempts.retries.run(fail)
    assert attempts.retried == []
