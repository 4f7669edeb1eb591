"""How long to wait after a 429, and when to stop: each refusal in a row makes the wait longer, until time is up.

Another integration may use up the account's limit for minutes, which passes; so it is time that bounds the
waiting. Asking on gets accounts blocked, so what amoCRM asks for (`Retry-After`) is only the least that is waited.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amocrm_assets.errors import AmoCrmUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

# 0, 1, 2, 4, … seconds: some fifteen refused requests until the deadline.
MAX_HOLD_SECONDS = 120.0
REFUSED_DEADLINE_SECONDS = 900.0


class RateLimitBackoff:
    """The refusals of one account since the last good answer. Changed under its caller's lock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self.refusals = 0

    @property
    def seconds(self) -> float:
        """Since the first refusal in a row."""
        return 0.0 if self._since is None else self._clock() - self._since

    def wait_seconds(self, wanted: float | None) -> float:
        """How long nobody may ask now. `wanted` is what amoCRM says, None if it does not.

        After the first refusal the rate limiter's own hold is enough: until the refused request's second is over.
        """
        own = 0.0 if self.refusals == 0 else min(MAX_HOLD_SECONDS, 2.0 ** (self.refusals - 1))
        return max(own, wanted or 0.0)

    def is_over(self, wait_seconds: float) -> bool:
        """Whether the next wait would end after the deadline."""
        return self.seconds + wait_seconds > REFUSED_DEADLINE_SECONDS

    def given_up(self, operation: str) -> AmoCrmUnavailable:
        """The error that ends the asking."""
        return AmoCrmUnavailable(
            operation,
            cause=f"429, asked too often, {self.refusals} times in a row for"
            f" {self.seconds:.0f} seconds, though we waited longer each time.",
            fix="Another integration uses up the account's limit. Lower requests_per_second, or run at "
            "another hour; asking on would get the account blocked.",
            status=429,
        )

    def refused(self) -> None:
        """Count a refusal that began a wait."""
        self.refusals += 1
        if self._since is None:
            self._since = self._clock()

    def succeeded(self) -> None:
        """A good answer: the refusals before it are over."""
        self.refusals, self._since = 0, None
