"""A clock that never waits, and permits acquired from a rate limiter by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.crm.http.rate_limiter import RateLimiter


class Time:
    """A clock that moves only by sleeping, a little more than asked for, as real sleeps do."""

    def __init__(self, oversleep: float = 0.0) -> None:
        self.now = 1_000.0
        self.oversleep = oversleep

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + self.oversleep


def permits(rate_limiter: RateLimiter, time: Time, pauses: list[float]) -> list[float]:
    """When permits are acquired, one after each pause; each request is answered at once."""
    taken = []
    for pause in pauses:
        time.now += pause
        permit = rate_limiter.acquire()
        permit.mark_sent()
        permit.mark_response_started()
        taken.append(time.now)
    return taken
