"""amoCRM's limit: so many requests in a second, counted in one of three ways; a block for those who do not listen.

The instants are handed in. For what a refusal looks like see `gateway`.
"""

from __future__ import annotations

from collections import deque
from math import floor, inf, nextafter
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import SandboxOptions

Verdict = Literal["served", "refused", "blocked"]

_BLOCK_WINDOW_SECONDS = 10.0
_ROUNDING_SECONDS = 1e-6


class Limiter:
    """Counts what was served, by one of the kinds of limit; a refused request takes no place.

    If 429s have a `Retry-After`, earlier requests are refused again.
    """

    def __init__(self) -> None:
        self.blocked = False
        self.refusals = 0
        self._served: deque[float] = deque()
        self._empty_at = float("-inf")
        self._refused: deque[float] = deque()
        self._refused_until = 0.0

    def admit(self, at: float, options: SandboxOptions) -> Verdict:
        """Whether a request at this instant (seconds, any origin, never backwards) is served."""
        if self.blocked:
            return "blocked"
        allowed = _allowed(options)
        if allowed is None:
            return "served"
        if at >= self._refused_until and self._takes(at, allowed, options.limit_kind):
            return "served"
        self.refusals += 1
        _forget(self._refused, at - _BLOCK_WINDOW_SECONDS)
        self._refused.append(at)
        if at >= self._refused_until:
            self._refused_until = at + (options.retry_after or 0)
        if options.block_after is not None and len(self._refused) > options.block_after:
            self.blocked = True
            return "blocked"
        return "refused"

    def _takes(self, at: float, allowed: int, kind: str) -> bool:
        """Whether there is room. One who is refused elsewhere as well is not counted here."""
        if kind.startswith("bucket:"):
            return self._bucket_takes(at, allowed, burst=int(kind.removeprefix("bucket:")))
        # A second of the clock holds its first instant, a second that slides has just lost it.
        _forget(self._served, nextafter(floor(at), -inf) if kind == "fixed" else at - 1.0)
        if len(self._served) >= allowed:
            return False
        self._served.append(at)
        return True

    def _bucket_takes(self, at: float, allowed: int, *, burst: int) -> bool:
        """By the instant at which the bucket has leaked empty (the generic cell rate algorithm)."""
        if not allowed:
            return False
        empty_at = max(self._empty_at, at) + 1 / allowed
        if empty_at - at > burst / allowed + _ROUNDING_SECONDS:
            return False
        self._empty_at = empty_at
        return True

    def reset(self) -> None:
        """What amoCRM's support does when asked."""
        self.blocked = False
        self._empty_at = float("-inf")
        self._served.clear()
        self._refused.clear()
        self._refused_until = 0.0


def _allowed(options: SandboxOptions) -> int | None:
    """The integration's own limit, or what others have left of the account's."""
    if options.requests_per_second is None:
        return None
    left = options.account_requests_per_second - options.other_integrations_per_second
    return max(0, min(options.requests_per_second, left))


def _forget(instants: deque[float], until: float) -> None:
    while instants and instants[0] <= until:
        instants.popleft()
