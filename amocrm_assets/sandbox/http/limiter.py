"""amoCRM's limit: a number of requests per second, counted in one of three ways. Clients that
ignore refusals are blocked.

Instants are arguments. For the response of a refusal see `gateway`.
"""

from __future__ import annotations

from collections import deque
from math import floor, inf, nextafter
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import SandboxOptions

Admission = Literal["served", "refused", "blocked"]

_BLOCK_WINDOW_SECONDS = 10.0
_ROUNDING_SECONDS = 1e-6


class Limiter:
    """Counts served requests, by one of the kinds of limit; refused ones do not count.

    If 429s have a `Retry-After`, earlier requests are refused again.
    """

    def __init__(self) -> None:
        self.blocked = False
        self.refusals = 0
        self._served: deque[float] = deque()
        self._empty_at = float("-inf")
        self._refused: deque[float] = deque()
        self._refused_until = 0.0

    def admit(self, at: float, options: SandboxOptions) -> Admission:
        """Whether a request at this instant (seconds, any origin, never backwards) is served."""
        if self.blocked:
            return "blocked"
        allowed = _allowed(options)
        if allowed is None:
            return "served"
        if at >= self._refused_until and self._admits(at, allowed, options.limit_kind):
            return "served"
        self.refusals += 1
        _remove_until(self._refused, at - _BLOCK_WINDOW_SECONDS)
        self._refused.append(at)
        if at >= self._refused_until:
            self._refused_until = at + (options.retry_after or 0)
        if options.block_after is not None and len(self._refused) > options.block_after:
            self.blocked = True
            return "blocked"
        return "refused"

    def _admits(self, at: float, allowed: int, kind: str) -> bool:
        """Whether the limit has room; if so, the request is counted."""
        if kind.startswith("bucket:"):
            return self._bucket_admits(at, allowed, burst=int(kind.removeprefix("bucket:")))
        # A second of the clock includes its first instant, a sliding one does not.
        _remove_until(self._served, nextafter(floor(at), -inf) if kind == "fixed" else at - 1.0)
        if len(self._served) >= allowed:
            return False
        self._served.append(at)
        return True

    def _bucket_admits(self, at: float, allowed: int, *, burst: int) -> bool:
        """By the instant at which the bucket is empty (the generic cell rate algorithm)."""
        if not allowed:
            return False
        empty_at = max(self._empty_at, at) + 1 / allowed
        if empty_at - at > burst / allowed + _ROUNDING_SECONDS:
            return False
        self._empty_at = empty_at
        return True

    def reset(self) -> None:
        """Unblock, as amoCRM's support does on request."""
        self.blocked = False
        self._empty_at = float("-inf")
        self._served.clear()
        self._refused.clear()
        self._refused_until = 0.0


def _allowed(options: SandboxOptions) -> int | None:
    """The integration's own limit, or what other integrations leave of the account's."""
    if options.requests_per_second is None:
        return None
    left = options.account_requests_per_second - options.other_integrations_per_second
    return max(0, min(options.requests_per_second, left))


def _remove_until(instants: deque[float], until: float) -> None:
    while instants and instants[0] <= until:
        instants.popleft()
