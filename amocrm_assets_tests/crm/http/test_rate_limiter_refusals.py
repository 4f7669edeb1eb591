"""A request that amoCRM refuses holds the next ones back, and slows them down as far as it must."""

from __future__ import annotations

import threading

import pytest

from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets_tests.crm.http.permits import Time, permits


def test_a_permit_that_another_thread_takes_while_a_refusal_is_counted_breaks_nothing() -> None:
    limiter = RateLimiter(100)
    taking = threading.Thread(target=limiter.acquire)

    class ComparedSlowly(float):
        def __gt__(self, other: float) -> bool:
            taking.start()
            taking.join(0.3)  # longer than the next permit takes
            return float(self) > other

    permits = [limiter.acquire() for _ in range(3)]
    for permit in permits:
        permit.mark_sent()
    permits[0].at = ComparedSlowly(permits[0].at or 0.0)

    assert limiter.refused(permits[-1])
    taking.join(30)
    assert not taking.is_alive()


def refuse(rate_limiter: RateLimiter, wait_seconds: float = 0.0) -> bool:
    permit = rate_limiter.acquire()
    permit.mark_sent()
    permit.mark_response_started()
    return rate_limiter.refused(permit, wait_seconds)


def test_a_refusal_holds_every_permit_back_for_as_long_as_amocrm_asks() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)

    assert refuse(rate_limiter, 4.0)
    refused_at = time.now

    assert permits(rate_limiter, time, [0.0])[0] >= refused_at + 4


def test_a_refusal_that_own_jitter_explains_costs_about_a_second_and_keeps_the_pace() -> None:
    time = Time()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    permits(rate_limiter, time, [0.0] * 20)
    refuse(rate_limiter)
    refused_at = time.now

    taken = permits(rate_limiter, time, [0.0] * 50)

    assert 1 <= taken[0] - refused_at <= 1.1
    assert 49 / (taken[-1] - taken[0]) >= 0.93 * 7


def test_a_refusal_that_own_requests_cannot_explain_halves_the_pace() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)
    refuse(rate_limiter)

    taken = permits(rate_limiter, time, [0.0] * 6)

    assert taken[-1] - taken[0] == pytest.approx(5 / 5, rel=0.1)


def test_answers_to_requests_that_were_under_way_count_as_one_refusal() -> None:
    time = Time()
    rate_limiter = RateLimiter(8, clock=time.clock, sleep=time.sleep)
    under_way = [rate_limiter.acquire() for _ in range(7)]
    for permit in under_way:
        permit.mark_sent()

    assert [rate_limiter.refused(permit) for permit in under_way] == [True] + [False] * 6


def test_good_answers_give_the_budget_back() -> None:
    time = Time()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    for _ in range(5):
        time.now += 3
        refuse(rate_limiter)
    for _ in range(600):
        permit = rate_limiter.acquire()
        permit.mark_sent()
        permit.mark_response_started()
        rate_limiter.succeeded(permit)

    taken = permits(rate_limiter, time, [0.0] * 100)

    assert 99 / (taken[-1] - taken[0]) >= 0.96 * 7
