"""What response times and 429s say about when requests arrived."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.http.arrival_times import (
    ENOUGH_ANSWERS,
    FIRST_MARGIN_SECONDS,
    MAX_JITTER_SECONDS,
    MIN_MARGIN_SECONDS,
    RECENT_ANSWERS,
    ArrivalTimes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS, ANSWERS = 8, 16_000


@pytest.fixture
def threads_that_switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("threads_that_switch_often")
def test_answers_that_come_at_the_same_moment_are_all_counted() -> None:
    """A limiter lives as long as its process: what a race broke once would fail every later request."""
    times, together = ArrivalTimes(), threading.Barrier(THREADS)

    def respond(seed: int) -> None:
        random = Random(seed)
        together.wait()
        for _ in range(ANSWERS):
            times.add(random.random())

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(respond, range(THREADS)))

    for _ in range(RECENT_ANSWERS):
        times.add(0.2)
    assert times.lateness(0.2) == times.lateness(0.2 - 1e-9) < 0.02


def answered(*answer_seconds: float) -> ArrivalTimes:
    times = ArrivalTimes()
    for seconds in answer_seconds:
        times.add(seconds)
    return times


def successful(times: ArrivalTimes, count: int) -> ArrivalTimes:
    for _ in range(count):
        times.forget()
    return times


@pytest.mark.parametrize("count", range(ENOUGH_ANSWERS))
def test_too_few_answers_to_know_their_spread_leave_the_first_margin(count: int) -> None:
    times = answered(*[0.1, 0.9, 3.0][:count])

    assert [times.jitter, times.lateness(2.0), times.lateness_unanswered(2.0)] == [FIRST_MARGIN_SECONDS] * 3
    times.widen()
    assert times.jitter == times.lateness(2.0) == times.lateness_unanswered(2.0) == times.margin > 0.03


def test_a_spread_of_a_few_answers_is_half_as_much_again_of_jitter() -> None:
    times = answered(0.2, 0.2, 0.3, 0.2)

    assert times.jitter == pytest.approx(0.15)
    assert times.lateness_unanswered(0.2) == times.lateness_unanswered(0.34) == pytest.approx(0.15)
    assert times.lateness_unanswered(0.5) == pytest.approx(0.3)


@pytest.mark.parametrize(("count", "left_out"), [(9, 0), (10, 1), (19, 1), (20, 2), (31, 3), (90, 3)])
def test_the_slowest_and_quickest_tenth_of_the_last_answers_do_not_count(count: int, left_out: int) -> None:
    times = answered(*(0.2 + 0.01 * number for number in range(count)))
    kept = min(count, RECENT_ANSWERS)
    spread = 0.01 * (kept - 1 - 2 * left_out)

    assert times.jitter == pytest.approx(spread * (1.25 + 1 / kept))
    quickest = 0.2 + 0.01 * (count - kept + left_out)
    assert times.lateness_unanswered(quickest + 0.45) == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("spread", "lateness"),
    [
        (0.01, 0.1 + 0.001 + 0.01 / 6 + 0.01 / 4),
        (0.02, 0.1 + 0.001 + 0.02 / 6 + 0.02 / 4),
        (0.1, 0.1 + 0.001 + 0.1 / 6 + 0.1 / 4 + 0.08 / 4),
    ],
)
def test_a_request_is_as_late_as_its_answer_and_by_what_the_spread_leaves_uncertain(
    spread: float, lateness: float
) -> None:
    assert answered(0.2, 0.2, 0.2, 0.2 + spread).lateness(0.3) == pytest.approx(lateness)


@pytest.mark.parametrize(("slowest", "bound"), [(0.2, MIN_MARGIN_SECONDS), (3.0, MAX_JITTER_SECONDS)])
def test_lateness_is_bounded(slowest: float, bound: float) -> None:
    times = answered(0.2, 0.2, 0.2, slowest)

    assert times.jitter == times.lateness(slowest) == times.lateness_unanswered(slowest) == bound


def test_each_429_widens_the_margin_up_to_what_a_network_may_delay() -> None:
    times, margins = ArrivalTimes(), [0.0]
    assert times.margin == 0
    while times.can_widen:
        times.widen()
        margins.append(times.margin)

    assert margins == pytest.approx([0, 0.04, 0.12, 0.28, MAX_JITTER_SECONDS])
    assert times.margin == MAX_JITTER_SECONDS


@pytest.mark.parametrize(("slowest", "margin"), [(0.2, 0.04), (0.4, 0.14), (9.2, 0.29)])
def test_the_first_429_widens_the_margin_by_half_of_the_spread_at_once(slowest: float, margin: float) -> None:
    times = answered(0.2, 0.2, 0.2, slowest)
    times.widen()

    assert times.margin == pytest.approx(margin)
    assert times.jitter >= times.margin


def test_a_margin_that_was_learned_is_forgotten_by_a_2000th_with_each_successful_response() -> None:
    times = ArrivalTimes()
    times.widen()
    successful(times, 2)

    assert times.margin == pytest.approx(0.04 * 0.9995**2)


def test_jitter_is_doubted_while_nothing_is_refused_and_believed_again_after_a_429() -> None:
    times = successful(answered(0.2, 0.2, 0.2, 0.4), 100)
    assert times.jitter == pytest.approx(0.3 * 0.999**100)

    times.widen()
    assert times.jitter == pytest.approx(0.3)
    assert times.margin == 0
    successful(times, 100)
    assert times.jitter == pytest.approx(0.3 * 0.9995**100)

    times.widen()  # it was hardly doubted, so jitter is wider than what shows
    assert times.margin == pytest.approx(0.14)


def test_a_spread_that_any_machine_has_is_not_doubted() -> None:
    times = answered(0.02, 0.02, 0.02, 0.04)
    before = times.jitter

    assert successful(times, 100).jitter == before
