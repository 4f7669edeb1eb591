"""A reading uses up amoCRM's limit from its first permit to its last, in simulated time.

The plan and the rate limiter are the real ones. What `WindowReader` and its threads do with them is done here by a
clock that jumps to the next permit or the next answer, so that a day of 30,000 leads takes a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.rate_limiter import RateLimiter
from amocrm_assets.crm.read_planner import ReadPlanner, Window
from amocrm_assets_tests.accounts import FreeTime
from amocrm_assets_tests.crm.listing import ListedAccount

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import KeysetPaginator, OverlappingPaginator, Query
    from amocrm_assets.crm.rate_limiter import Permit

DAY = Window(0, 86_399)
LIMIT = 7
OTHER_REQUESTS = 2  # the account and its catalogue, which take the first permits


@dataclass(frozen=True)
class Pace:
    """What a reading came to."""

    requests: int
    seconds: float
    leads: int


def read(account: ListedAccount, window: Window, *, answer_seconds: float, seed: int = 1) -> Pace:
    """Read a window; answers take up to 10 ms more or less."""
    time, random = FreeTime(), Random(seed)
    rate_limiter = RateLimiter(LIMIT, clock=time.clock, sleep=time.sleep)
    plan = ReadPlanner(window, ["leads", "deleted"])
    pending: list[tuple[float, Permit, tuple[KeysetPaginator | OverlappingPaginator, Query] | None]] = []
    asked = leads = 0
    while not plan.done:
        due = plan.next_query() if asked >= OTHER_REQUESTS and rate_limiter.time_until_next() <= 0 else None
        if rate_limiter.time_until_next() <= 0 and (due or asked < OTHER_REQUESTS):
            permit = rate_limiter.acquire()
            permit.mark_sent()
            asked += 1
            pending.append((time.now + answer_seconds + random.uniform(-0.01, 0.01), permit, due))
            continue
        pending.sort(key=lambda each: each[0])
        if rate_limiter.time_until_next() > 0 and (
            not pending or time.now + rate_limiter.time_until_next() < pending[0][0]
        ):
            time.sleep(rate_limiter.time_until_next())
            continue
        time.now, permit, answered = pending.pop(0)
        permit.mark_response_started()
        if answered:
            leads += len(plan.add_page(*answered, account.answer(answered[1], random)))
    return Pace(asked, time.now, leads)


def even(leads: int, *, first: int) -> dict[int, int]:
    """Leads at equal distances over the day, in an order that has nothing to do with their ids."""
    return {first + number: number * 7_919 % leads * 86_399 // (leads - 1) for number in range(leads)}


def by_chance(leads: int, *, first: int, seed: int) -> dict[int, int]:
    """Leads as people make them, most after noon."""
    random = Random(seed)
    return {first + number: int(random.triangular(0, 86_399, 50_000)) for number in range(leads)}


def after_midnight(leads: int, *, first: int) -> dict[int, int]:
    """A day is read when it is over, so people have begun to work on the next one."""
    return {first + number: 86_400 + number * 3_600 // leads for number in range(leads)}


EVEN = ListedAccount(
    even(30_000, first=1) | after_midnight(300, first=200_000),
    even(1_500, first=100_000) | after_midnight(60, first=300_000),
)
BY_CHANCE = ListedAccount(
    by_chance(30_000, first=1, seed=1) | after_midnight(300, first=200_000),
    by_chance(1_500, first=100_000, seed=2) | after_midnight(60, first=300_000),
)


@pytest.mark.parametrize(("account", "answer_seconds"), [(EVEN, 0.05), (EVEN, 0.2), (EVEN, 0.8), (BY_CHANCE, 0.8)])
def test_a_busy_day_is_read_at_95_percent_of_the_limit(account: ListedAccount, answer_seconds: float) -> None:
    pace = read(account, DAY, answer_seconds=answer_seconds)

    assert pace.leads == 31_500
    assert pace.requests / pace.seconds >= 0.95 * LIMIT
    assert pace.requests <= 1.06 * (pace.leads / 250 + OTHER_REQUESTS)
