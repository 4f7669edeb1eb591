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
