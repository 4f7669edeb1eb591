"""A reading uses up amoCRM's limit from its first permit to its last, in simulated time.

`WindowReader`, its plan, the rate limiter and the thread that reads ahead are the real ones. Only the threads that
wait for answers are replaced: by a clock that jumps to the next permit or the next answer, so that a day of 30,000
leads takes a second, however busy the machine is.
"""

from __future__ import annotations

import heapq
from concurrent.futures import Future
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import pytest

from amocrm_assets.cancellation import CancelScope
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.crm.pagination import window_reader
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.accounts import FreeTime
from amocrm_assets_tests.crm.pagination.listing import ListedAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.rate_limiter import Permit
    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import Page

DAY = Window(0, 86_399)
LIMIT = 7
OTHER_REQUESTS = 2  # the account and its custom fields, which take the first permits


@dataclass(frozen=True)
class Pace:
    """What a reading came to."""

    requests: int
    seconds: float
    leads: int


class Sent(NamedTuple):
    """A request on its way, in the order of the answers."""

    answered_at: float
    number: int
    permit: Permit
    respond: Callable[[], None]


class Done(NamedTuple):
    """What `concurrent.futures.wait` returns."""

    done: set[Future[Any]]


@dataclass
class SimulatedThreads:
    """Stands for the pool of threads, for `wait`, and for the client that they ask with."""

    account: ListedAccount
    answer_seconds: float
    random: Random
    time: FreeTime = field(default_factory=FreeTime)
    request_count: int = 0
    _sent: list[Sent] = field(default_factory=list)
    _answered: set[Future[Any]] = field(default_factory=set)
    _query: Query | None = None

    def __post_init__(self) -> None:
        self.rate_limiter = RateLimiter(LIMIT, clock=self.time.clock, sleep=self.time.sleep)
        self.pause = self.time.sleep
        self.scope = CancelScope()

    def send(self, permit: Permit, respond: Callable[[], None]) -> None:
        """Ask; the answer comes later."""
        permit.mark_sent()
        self.request_count += 1
        at = self.time.now + self.answer_seconds + self.random.uniform(-0.01, 0.01)
        heapq.heappush(self._sent, Sent(at, self.request_count, permit, respond))

    # The pool.
    def __call__(self, *_: object, **__: object) -> SimulatedThreads:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert not self._sent, "a reading ended before the answers that it waits for"

    def submit(self, fetch: Callable[[Query, Permit], object], query: Query, permit: Permit) -> Future[Any]:
        future: Future[Any] = Future()

        def respond() -> None:
            self._query = query
            future.set_result(fetch(query, permit))
            self._answered.add(future)

        self.send(permit, respond)
        return future

    # `concurrent.futures.wait`.
    def wait(self, pending: Collection[Future[Any]], timeout: float | None = None, **_: object) -> Done:
        until = float("inf") if timeout is None else self.time.now + timeout
        while self._sent and self._sent[0].answered_at <= until and not self._answered.intersection(pending):
            first = heapq.heappop(self._sent)
            self.time.now = max(self.time.now, first.answered_at)
            first.permit.mark_response_started()
            first.respond()
        done = self._answered.intersection(pending)
        self._answered -= done
        if not done:
            self.time.now = max(self.time.now, until)
        return Done(done)

    # The client.
    def request(self, *_: object, **__: object) -> Page:
        assert self._query is not None
        return self.account.respond(self._query, self.random)

    def acquire(self) -> Permit:
        return self.rate_limiter.acquire()


def read(account: ListedAccount, window: Window, *, answer_seconds: float, seed: int = 1) -> Pace:
    """Read a window; answers take up to 10 ms more or less."""
    threads = SimulatedThreads(account, answer_seconds, Random(seed))
    for _ in range(OTHER_REQUESTS):
        threads.send(threads.rate_limiter.acquire(), lambda: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_reader, "DaemonPool", threads)
        patch.setattr(window_reader, "wait", threads.wait)
        reader = window_reader.WindowReader(cast("AmoCrmClient", threads), window, LEADS.lists(with_deleted=True))
        leads = sum(map(len, reader.batches()))
    return Pace(threads.request_count, threads.time.now, leads)


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
