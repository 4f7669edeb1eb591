"""A server that counts requests, a network that delays them, and a client's threads, on a virtual clock."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from amocrm_assets.crm.http.rate_limit_backoff import RateLimitBackoff
from amocrm_assets.crm.http.rate_limiter import RateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("sliding", "fixed", "bucket-1", "bucket-3", "bucket-7")
LIMIT = 7


class ServerLimit:
    """Admits `per_second` arrivals by one of the kinds. Arrivals come in order of time."""

    def __init__(self, kind: str, per_second: int = LIMIT) -> None:
        self._kind, self._per_second = kind, per_second
        self._admitted: deque[float] = deque()
        self._full_at = 0.0

    def admits(self, at: float) -> bool:
        if self._kind.startswith("bucket"):
            return self._bucket(at, int(self._kind.partition("-")[2]))
        since = float(int(at)) if self._kind == "fixed" else at - 1
        while self._admitted and (
            self._admitted[0] < since if self._kind == "fixed" else self._admitted[0] <= since
        ):
            self._admitted.popleft()
        if len(self._admitted) >= self._per_second:
            return False
        self._admitted.append(at)
        return True

    def _bucket(self, at: float, burst: int) -> bool:
        """By the time at which the bucket would be full again (the generic cell rate algorithm)."""
        full_at = max(self._full_at, at) + 1 / self._per_second
        if full_at - at > burst / self._per_second + 1e-9:
            return False
        self._full_at = full_at
        return True


@dataclass
class Simulation:
    """So many requests by so many threads. `visible`: answers are late by as much as their requests.

    `noise`: the server takes by up to so many seconds longer for an answer, whenever its request came.
    """

    kind: str
    jitter: float
    latency: float
    requests: int = 125
    threads: int = 32
    seed: int = 1
    visible: bool = True
    noise: float = 0.0
    oversleep: float = 0.0
    others: Callable[[float], float] = lambda _: 0.0  # their requests a second at an instant
    now: float = 1_000.0
    departures: list[float] = field(default_factory=list)
    refusals: int = 0
    answered: int = 0
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = Random(self.seed)
        self._limit = ServerLimit(self.kind)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self.limiter = RateLimiter(LIMIT, clock=lambda: self.now, sleep=self._sleep)
        self.backoff = RateLimitBackoff(clock=lambda: self.now)

    def run(self) -> Simulation:
        self._at(self.now, self._other)
        open_requests = self._busy = 0
        while self.answered < self.requests:
            open_requests = self.requests - self.answered - self._busy
            wait = self.limiter.time_until_next()
            if wait <= 0 and self._busy < self.threads and open_requests > 0:
                self._send()
            elif self._busy < self.threads and open_requests > 0:
                self._sleep(min(wait, 0.02) + self._rng.random() * self.oversleep)
            else:
                self._step()
        return self

    @property
    def rate(self) -> float:
        return (self.answered - 1) / (self.departures[-1] - self.departures[0])

    @property
    def ratio(self) -> float:
        return self.rate / (LIMIT / (1 + self.jitter))

    def most_departures_in_a_second(self) -> int:
        most, first = 0, 0
        for number, at in enumerate(self.departures):
            while self.departures[first] <= at - 1:
                first += 1
            most = max(most, number - first + 1)
        return most

    def _send(self) -> None:
        self._busy += 1
        permit = self.limiter.acquire()
        permit.mark_sent()
        self.departures.append(self.now)
        late = self._rng.random() * self.jitter
        slow = self._rng.random() * self.noise if self.noise else 0.0
        answered_at = self.now + self.latency + (late if self.visible else 0) + slow

        def arrive() -> None:
            admitted = self._limit.admits(self.now)
            self._at(max(answered_at, self.now), lambda: respond(admitted=admitted))

        def respond(*, admitted: bool) -> None:
            self._busy -= 1
            permit.mark_response_started()
            if admitted:
                self.answered += 1
                if self.limiter.succeeded(permit):
                    self.backoff.succeeded()
            else:
                self.refusals += 1
                wait = self.backoff.wait_seconds(None)
                if self.limiter.refused(permit, wait):
                    assert not self.backoff.is_over(wait)
                    self.backoff.refused()

        self._at(self.now + late, arrive)

    def _other(self) -> None:
        rate = self.others(self.now)
        if rate:
            self._limit.admits(self.now)
        self._at(self.now + (1 / rate if rate else 1.0), self._other)

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._number), what))

    def _step(self) -> None:
        when, _, what = heapq.heappop(self._events)
        self.now = max(self.now, when)
        what()

    def _sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self._step()
        self.now = max(self.now, until)
