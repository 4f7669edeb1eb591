"""429s are waited for by time, with few requests."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.http.rate_limit_backoff import MAX_HOLD_SECONDS, REFUSED_DEADLINE_SECONDS, RateLimitBackoff
from amocrm_assets_tests.accounts import FreeTime


@pytest.mark.parametrize("wanted", [None, 0.0, 1.0, 30.0])
def test_each_refusal_in_a_row_makes_the_wait_longer_until_time_is_up(wanted: float | None) -> None:
    time = FreeTime()
    backoff = RateLimitBackoff(clock=time.clock)
    waits = []
    while not backoff.is_over(wait := backoff.wait_seconds(wanted)):
        backoff.refused()
        waits.append(wait)
        time.sleep(wait)

    assert waits == sorted(waits)
    assert waits[0] == (wanted or 0.0)
    assert waits[-1] == MAX_HOLD_SECONDS
    assert len(waits) <= 17
    assert REFUSED_DEADLINE_SECONDS - MAX_HOLD_SECONDS <= time.now <= REFUSED_DEADLINE_SECONDS


def test_the_wait_doubles_from_nothing_and_a_second_to_two_minutes() -> None:
    backoff = RateLimitBackoff(clock=FreeTime().clock)
    waits = []
    for _ in range(10):
        waits.append(backoff.wait_seconds(None))
        backoff.refused()

    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 120, 120]


def test_waits_end_within_the_deadline_to_the_second() -> None:
    time = FreeTime()
    backoff = RateLimitBackoff(clock=time.clock)
    assert (backoff.is_over(900), backoff.is_over(900.5)) == (False, True)

    backoff.refused()
    time.sleep(600)

    assert (backoff.is_over(300), backoff.is_over(300.5)) == (False, True)


def test_what_is_given_up_says_the_status_how_often_and_for_how_long() -> None:
    time = FreeTime()
    backoff = RateLimitBackoff(clock=time.clock)
    backoff.refused()
    time.sleep(890)
    backoff.refused()
    error = backoff.given_up("Asking")

    assert error.facts["status"] == 429
    assert "2 times in a row for 890 seconds" in str(error)


def test_what_amocrm_asks_for_is_waited_at_least() -> None:
    backoff = RateLimitBackoff(clock=FreeTime().clock)
    backoff.refused()

    assert backoff.wait_seconds(300) == 300


def test_a_good_answer_ends_the_row() -> None:
    time = FreeTime()
    backoff = RateLimitBackoff(clock=time.clock)
    for _ in range(5):
        backoff.refused()
    time.sleep(800)
    backoff.succeeded()
    backoff.refused()

    assert backoff.refusals == 1
    assert backoff.seconds == 0
    assert not backoff.is_over(100)
