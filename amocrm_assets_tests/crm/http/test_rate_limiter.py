"""No second ever sees more requests than the budget, and no permit is wasted."""

from __future__ import annotations

from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.http.rate_limiter import MAX_UNSENT_SECONDS, RateLimiter
from amocrm_assets_tests.crm.http.permits import Time, permits

if TYPE_CHECKING:
    from amocrm_assets.crm.http.rate_limiter import Permit


class Answers(Time):
    """A clock at whose instants answers come back."""

    def __init__(self) -> None:
        super().__init__()
        self._coming: list[tuple[float, Permit]] = []

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        for at, permit in sorted((each for each in self._coming if each[0] <= until), key=itemgetter(0)):
            self.now = at
            permit.mark_response_started()
        self._coming = [each for each in self._coming if each[0] > until]
        self.now = until

    def arrivals(self, rate_limiter: RateLimiter, lateness: list[float], *, answer_seconds: float) -> list[float]:
        """When requests arrive that take so long on their way; their answers come as much later."""
        arrived = []
        for late in lateness:
            permit = rate_limiter.acquire()
            permit.mark_sent()
            arrived.append(self.now + late)
            self._coming.append((self.now + late + answer_seconds, permit))
        return arrived


def most_in_one_second(taken: list[float]) -> int:
    return max(sum(start <= other <= start + 1 for other in taken) for start in taken)


@given(
    st.floats(1, 50),
    st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.2, 3.0]), min_size=1, max_size=120),
    st.floats(0, 0.02),
)
def test_no_second_sees_more_than_the_budget(budget: float, pauses: list[float], oversleep: float) -> None:
    time = Time(oversleep)
    rate_limiter = RateLimiter(budget, clock=time.clock, sleep=time.sleep)

    assert most_in_one_second(permits(rate_limiter, time, pauses)) <= budget


PAUSES = st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.2, 3.0]), min_size=1, max_size=60)


@given(st.integers(1, 50), PAUSES, PAUSES, st.floats(0, 0.02))
def test_the_budget_holds_from_one_limiter_to_the_next(
    budget: int, first: list[float], second: list[float], oversleep: float
) -> None:
    time = Time(oversleep)
    rate_limiter = RateLimiter(budget, clock=time.clock, sleep=time.sleep)
    taken = permits(rate_limiter, time, first)
    time.sleep(rate_limiter.drain_delay())
    rate_limiter = RateLimiter(budget, clock=time.clock, sleep=time.sleep)

    assert most_in_one_second(taken + permits(rate_limiter, time, second)) <= budget


@pytest.mark.parametrize("budget", [1, 7, 50])
def test_a_busy_account_uses_nearly_all_of_its_budget(budget: float) -> None:
    # Permits are never closer than the budget spaces them (a bucket without burst refuses that), so what a sleep
    # takes too long is lost beyond the first percent.
    time = Time(oversleep=0.0005)
    rate_limiter = RateLimiter(budget, clock=time.clock, sleep=time.sleep)

    taken = permits(rate_limiter, time, [0.0] * 300)

    assert 299 / (taken[-1] - taken[0]) >= 0.965 * budget


@given(st.sets(st.integers(8, 100), max_size=12), st.floats(0.01, 0.045), st.sampled_from([0.05, 0.2, 0.8]))
def test_a_request_that_was_answered_later_than_others_counts_as_arrived_later(
    late: set[int], lateness: float, answer_seconds: float
) -> None:
    time = Answers()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)

    arrived = time.arrivals(
        rate_limiter, [lateness * (number in late) for number in range(101)], answer_seconds=answer_seconds
    )

    assert most_in_one_second(arrived) <= 7


@pytest.mark.parametrize("answer_seconds", [0.05, 0.2, 0.8])
def test_answers_that_take_equally_long_leave_98_percent_of_the_budget(answer_seconds: float) -> None:
    time = Answers()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)

    arrived = time.arrivals(rate_limiter, [0.0] * 300, answer_seconds=answer_seconds)

    assert 299 / (arrived[-1] - arrived[0]) >= 0.98 * 7


def test_answers_slower_than_a_second_leave_95_percent_of_the_budget() -> None:
    time = Answers()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)

    arrived = time.arrivals(rate_limiter, [0.0] * 300, answer_seconds=2.0)

    assert 299 / (arrived[-1] - arrived[0]) >= 0.95 * 7


def test_turns_are_spread_over_the_second() -> None:
    time = Time()
    rate_limiter = RateLimiter(7, clock=time.clock, sleep=time.sleep)

    taken = permits(rate_limiter, time, [0.0] * 50)

    assert min(later - earlier for earlier, later in pairwise(taken)) > 0.9 / 7


def test_a_slow_budget_spaces_single_requests() -> None:
    time = Time()
    rate_limiter = RateLimiter(0.5, clock=time.clock, sleep=time.sleep)

    taken = permits(rate_limiter, time, [0.0] * 5)

    assert taken[-1] - taken[0] == pytest.approx(8, rel=0.05)


def test_a_request_that_leaves_late_counts_from_then_on() -> None:
    time = Time()
    rate_limiter = RateLimiter(2, clock=time.clock, sleep=time.sleep)
    late, early = rate_limiter.acquire(), rate_limiter.acquire()
    early.mark_sent()
    time.now += 0.4
    late.mark_sent()
    left_at = time.now

    rate_limiter.acquire()

    assert time.now >= left_at + 1


def test_a_permit_that_is_lost_stops_nobody_for_ever() -> None:
    time = Time()
    rate_limiter = RateLimiter(1, clock=time.clock, sleep=time.sleep)
    rate_limiter.acquire()
    lost_at = time.now

    rate_limiter.acquire()

    assert MAX_UNSENT_SECONDS <= time.now - lost_at <= MAX_UNSENT_SECONDS + 2


def test_a_request_that_never_left_holds_nobody_up_for_longer_than_its_exchange() -> None:
    time = Time()
    rate_limiter = RateLimiter(1, clock=time.clock, sleep=time.sleep)
    permit = rate_limiter.acquire()
    permit.release()
    over_at = time.now

    rate_limiter.acquire()

    assert time.now - over_at == pytest.approx(1.0, abs=0.05)
