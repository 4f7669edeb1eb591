"""How long to wait after a 429, and when to stop: the wait grows with each consecutive 429, up to a deadline.

Another integration may use up the account's limit for minutes, which is temporary; so the wait is bounded by time
instead of attempts. Further requests get accounts blocked, so `Retry-After` is only the minimum of the wait.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amocrm_assets.errors import AmoCrmUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

# 0, 1, 2, 4, … seconds: about fifteen refused requests until the deadline.
MAX_HOLD_SECONDS = 120.0
REFUSED_DEADLINE_SECONDS = 900.0


class RateLimitBackoff:
    """The consecutive 429s of one account. Changed under the caller's lock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self.refusals = 0

    @property
    def seconds(self) -> float:
        """Time since the first of the consecutive 429s."""
        return 0.0 if self._since is None else self._clock() - self._since

    def wait_seconds(self, wanted: float | None) -> float:
        """How long to send no requests. `wanted` is amoCRM's `Retry-After`, None without one.

        After the first 429 the rate limiter's own hold is enough: until the refused request's second is over.
        """
        own = 0.0 if self.refusals == 0 else min(MAX_HOLD_SECONDS, 2.0 ** (self.refusals - 1))
        return max(own, wanted or 0.0)

    def is_over(self, wait_seconds: float) -> bool:
        """Whether the next wait would end after the deadline."""
        return self.seconds + wait_seconds > REFUSED_DEADLINE_SECONDS

    def given_up(self, operation: str) -> AmoCrmUnavailable:
        """The error that ends the retries."""
        return AmoCrmUnavailable(
            operation,
            cause=f"429, too many requests, {self.refusals} times in a row for"
            f" {self.seconds:.0f} seconds, though each wait was longer.",
            fix="Another integration uses up the account's limit. Lower requests_per_second, or run at "
            "another hour; further requests would get the account blocked.",
            status=429,
        )

    def refused(self) -> None:
        """Count a 429 that started a wait."""
        self.refusals += 1
        if self._since is None:
            self._since = self._clock()

    def succeeded(self) -> None:
        """A successful response ends the sequence of 429s."""
        self.refusals, self._since = 0, None
