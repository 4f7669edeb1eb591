"""A request that amoCRM refuses holds the next ones back, and slows them down as far as it must."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.http.arrival_times import FIRST_MARGIN_SECONDS
from amocrm_assets.crm.http.rate_limiter import MAX_UNSENT_SECONDS, SPACING, RateLimiter
from amocrm_assets_tests.crm.http.permits import Time, permits

if TYPE_CHECKING:
    from amocrm_assets.crm.http.rate_limiter import Permit


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


def sent(rate_limiter: RateLimiter) -> Permit:
    permit = rate_limiter.acquire()
    permit.mark_sent()
    return permit


def test_the_hold_lasts_until_the_second_of_the_refused_request_is_over() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)
    assert rate_limiter.hold_seconds() == 0
    permit = sent(rate_limiter)
    time.now += 0.9
    rate_limiter.refused(permit)

    assert rate_limiter.hold_seconds() == pytest.approx(0.1 + FIRST_MARGIN_SECONDS)
    time.now += 0.5
    assert rate_limiter.hold_seconds() == 0


def test_a_request_that_was_refused_without_being_sent_holds_permits_back_from_now_on() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)
    permit = rate_limiter.acquire()
    time.now += 0.9

    assert rate_limiter.refused(permit)
    assert rate_limiter.hold_seconds() == pytest.approx(1 + FIRST_MARGIN_SECONDS)


def test_a_longer_hold_is_not_shortened_by_another_refusal() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)
    first, second = sent(rate_limiter), sent(rate_limiter)
    rate_limiter.refused(first, 60.0)
    rate_limiter.refused(second, 5.0)

    assert rate_limiter.hold_seconds() == pytest.approx(60)


def test_a_refusal_counts_again_once_its_request_was_sent_after_the_hold() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)
    slow, sent_in_hold = sent(rate_limiter), rate_limiter.acquire()
    assert refuse(rate_limiter)
    sent_in_hold.mark_sent()
    time.now += 0.1
    assert not rate_limiter.refused(sent_in_hold)
    time.now += 5
    assert not rate_limiter.refused(slow)
    time.now += 5

    assert refuse(rate_limiter)


@pytest.mark.parametrize(("own", "pace"), [(7, 0.5), (8, 1.0)])
def test_own_requests_explain_a_refusal_if_more_of_them_than_the_budget_may_have_arrived_in_a_second(
    own: int, pace: float
) -> None:
    time = Time()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    rate_limiter.acquire()  # it is never sent, so it does not count
    time.now += 2 * MAX_UNSENT_SECONDS
    permits(rate_limiter, time, [0.0] * 3)
    time.now += 10  # these were too long ago
    permits(rate_limiter, time, [0.0] * (own - 1))
    refuse(rate_limiter)

    rate_limiter.acquire()

    assert rate_limiter.time_until_next() == pytest.approx(1 / 7 / pace, rel=0.05)


def test_jitter_that_no_network_has_is_no_explanation() -> None:
    time = Time()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    paces = []
    for _ in range(5):
        permits(rate_limiter, time, [0.0] * 20)
        refuse(rate_limiter)
        rate_limiter.acquire()
        paces.append(1 / rate_limiter.time_until_next() / 7)

    assert paces == pytest.approx([1 / 1.04, 1 / 1.12, 1 / 1.28, 1 / 1.5, 1 / 1.5 / 2], rel=0.01)


@pytest.mark.parametrize(("budget", "widened"), [(7, 1.04), (1, 1.04), (0.5, 1.02)])
def test_what_jitter_widens_is_given_back_with_good_answers(budget: float, widened: float) -> None:
    """The margin is added to the second in which amoCRM counts, or to the longer time between two requests."""
    time = Time()
    rate_limiter = RateLimiter(budget, clock=time.clock, sleep=time.sleep)
    permits(rate_limiter, time, [0.0] * 20)
    refuse(rate_limiter)
    permit = sent(rate_limiter)
    assert rate_limiter.time_until_next() == pytest.approx(widened / budget, rel=0.001)

    permit.mark_response_started()
    for _ in range(3000):
        rate_limiter.succeeded(permit)
    _, earlier, later = permits(rate_limiter, time, [10.0, 0.0, 0.0])

    assert later - earlier == pytest.approx(SPACING / budget, rel=0.001)


def test_only_a_response_to_a_request_after_the_last_refusal_is_a_sign_that_requests_are_accepted() -> None:
    time = Time()
    rate_limiter = RateLimiter(10, clock=time.clock, sleep=time.sleep)
    before, unsent = sent(rate_limiter), rate_limiter.acquire()
    refuse(rate_limiter)
    time.now += 5

    assert [rate_limiter.succeeded(each) for each in (before, unsent, sent(rate_limiter))] == [False, False, True]
