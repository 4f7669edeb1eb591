"""How long a permit is waited for, and when a request counts as arrived: to the millisecond."""

from __future__ import annotations

from itertools import pairwise

import pytest

from amocrm_assets.crm.http.arrival_times import FIRST_MARGIN_SECONDS, MIN_MARGIN_SECONDS, ArrivalTimes
from amocrm_assets.crm.http.rate_limiter import MAX_UNSENT_SECONDS, POLL_SECONDS, SPACING, Permit, RateLimiter
from amocrm_assets_tests.crm.http.permits import Time, permits


class Sleeps(Time):
    """A clock that remembers how long it slept at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)


def test_the_first_permit_is_there_at_once_and_the_next_after_its_share_of_a_second() -> None:
    time = Time()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    assert (limiter.time_until_next(), limiter.waited_seconds) == (0, 0)

    limiter.acquire()
    assert limiter.waited_seconds == 0
    assert limiter.time_until_next() == pytest.approx(SPACING / 7)

    limiter.acquire()
    assert limiter.waited_seconds == pytest.approx(SPACING / 7)
    time.now += 10
    assert limiter.time_until_next() == 0


def test_the_longest_time_for_another_limiter_is_waited() -> None:
    time = Time()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    limiter.start_after(5)
    limiter.start_after(2)

    assert limiter.time_until_next() == pytest.approx(5)


def test_a_limiter_that_gave_no_permit_lets_the_next_one_start_at_once() -> None:
    assert RateLimiter(7).drain_delay() == 0


@pytest.mark.parametrize(("count", "after_last"), [(1, 1 + FIRST_MARGIN_SECONDS), (6, 1 + MIN_MARGIN_SECONDS)])
def test_the_next_limiter_starts_a_second_after_the_last_of_a_few_requests(count: int, after_last: float) -> None:
    time = Time()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    permits(limiter, time, [0.0] * count)

    assert limiter.drain_delay() == pytest.approx(after_last)
    time.now += 2
    assert limiter.drain_delay() == 0


def test_the_next_limiter_continues_evenly_spaced_requests() -> None:
    time = Time()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    permits(limiter, time, [0.0] * 7)

    assert limiter.drain_delay() == pytest.approx(SPACING / 7)


def test_the_next_limiter_starts_a_second_after_requests_that_were_sent_together() -> None:
    time = Time()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    for permit in [limiter.acquire() for _ in range(7)]:
        permit.mark_sent()

    assert limiter.drain_delay() == pytest.approx(1 + FIRST_MARGIN_SECONDS)


def test_the_next_limiter_starts_before_late_requests_are_over_by_what_its_own_spacing_leaves() -> None:
    time = Time()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)
    for permit in [limiter.acquire() for _ in range(7)]:
        time.now += 0.2
        permit.mark_sent()

    assert limiter.drain_delay() == pytest.approx(1 + FIRST_MARGIN_SECONDS - 6 * SPACING / 7)


def test_a_slow_budget_counts_a_request_that_was_sent_late_for_as_long_as_the_time_between_two() -> None:
    time = Time()
    limiter = RateLimiter(0.5, clock=time.clock, sleep=time.sleep)
    permit = limiter.acquire()
    time.now += 1.5
    permit.mark_sent()

    assert limiter.time_until_next() == pytest.approx(2 + FIRST_MARGIN_SECONDS)


@pytest.mark.parametrize(
    ("answered", "polls"),
    [((True, True), False), ((True, False), False), ((False, True), True), ((False, False), True)],
)
def test_a_limiter_polls_only_for_an_answer_that_may_let_the_next_request_go_earlier(
    answered: tuple[bool, bool], *, polls: bool
) -> None:
    time = Sleeps()
    limiter = RateLimiter(2, clock=time.clock, sleep=time.sleep)
    for is_answered in answered:
        permit = limiter.acquire()
        permit.mark_sent()
        if is_answered:
            permit.mark_response_started()
    assert len(time.slept) == 1  # another permit is left, so no answer matters

    limiter.acquire()

    assert (max(time.slept[1:]) <= POLL_SECONDS) == polls
    assert (len(time.slept) > 2) == polls
    assert time.now == pytest.approx(1_001 + FIRST_MARGIN_SECONDS)


@pytest.mark.parametrize("wait", [0.0, 0.25, 1.5])
def test_a_permit_waits_for_those_of_other_accounts(wait: float) -> None:
    time = Sleeps()
    limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep, reserve=lambda: wait)
    limiter.acquire()

    assert sum(time.slept) == limiter.waited_seconds == wait
    assert limiter.time_until_next() == pytest.approx(SPACING / 7 if not wait else 1 / 7)


def test_a_sleep_that_takes_too_long_is_made_up_for_as_far_as_the_budget_allows() -> None:
    little, much = (
        permits(RateLimiter(7, clock=time.clock, sleep=time.sleep), time, [0.0] * 50)
        for time in (Time(0.001), Time(0.1))
    )

    assert little[-1] - little[0] == pytest.approx(49 * SPACING / 7 + 0.001)
    assert min(later - earlier for earlier, later in pairwise(much)) >= 1 / 7


def permit_of(time: Time, *answer_seconds: float) -> tuple[Permit, ArrivalTimes]:
    times = ArrivalTimes()
    for seconds in answer_seconds:
        times.add(seconds)
    return Permit(time.clock, times), times


def test_a_request_that_is_not_sent_yet_would_arrive_from_now_on_until_its_permit_counts_as_lost() -> None:
    time = Time()
    permit, _ = permit_of(time)
    time.now += 7
    assert permit.latest_arrival() == pytest.approx(1_007 + FIRST_MARGIN_SECONDS)

    time.now += 1_000
    assert permit.latest_arrival() == pytest.approx(1_000 + MAX_UNSENT_SECONDS + FIRST_MARGIN_SECONDS)


def test_a_request_may_have_arrived_by_as_much_later_as_its_answer_was_slower_than_others() -> None:
    time = Time()
    permit, _ = permit_of(time, 0.2, 0.2, 0.2, 0.2)
    permit.mark_sent()
    assert permit.latest_arrival() == pytest.approx(1_000 + MIN_MARGIN_SECONDS)

    time.now += 0.5
    assert permit.latest_arrival() == pytest.approx(1_000.3)
    permit.mark_response_started()
    assert 1_000.3 < permit.latest_arrival() < 1_000.5


def test_only_the_first_bytes_after_sending_are_a_response() -> None:
    time = Time()
    permit, times = permit_of(time, 0.2, 0.2, 0.2)
    permit.mark_response_started()
    assert permit.answer_seconds is None
    permit.mark_sent()
    time.now += 0.2
    permit.mark_response_started()
    time.now += 3
    permit.mark_response_started()
    permit.release()

    assert permit.at == 1_000  # the release of a permit that was used changes nothing
    assert permit.answer_seconds == pytest.approx(0.2)
    assert times.jitter == MIN_MARGIN_SECONDS


def test_a_permit_that_is_released_unused_counts_from_then_on() -> None:
    time = Time()
    permit, _ = permit_of(time)
    time.now += 7
    permit.release()

    assert permit.at == 1_007
