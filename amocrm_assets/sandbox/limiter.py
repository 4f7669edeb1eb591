"""amoCRM's limit: so many requests in any one second, and a block for those who do not listen.

The instants are handed in. What a refusal looks like is the gateway's affair.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import SandboxOptions

Verdict = Literal["served", "refused", "blocked"]

_BLOCK_WINDOW_SECONDS = 10.0


class Limiter:
    """Counts what was served in the second before each request; a refused request takes no place.

    Where refusals say `Retry-After`, whoever asks earlier is refused again.
    """

    def __init__(self) -> None:
        self.blocked = False
        self._served: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._refused_until = 0.0

    def ask(self, at: float, options: SandboxOptions) -> Verdict:
        """Whether a request at this instant (seconds, any origin, never backwards) is served."""
        if self.blocked:
            return "blocked"
        allowed = _allowed(options)
        if allowed is None:
            return "served"
        _forget(self._served, at - 1.0)
        if len(self._served) < allowed and at >= self._refused_until:
            self._served.append(at)
            return "served"
        _forget(self._refused, at - _BLOCK_WINDOW_SECONDS)
        self._refused.append(at)
        if at >= self._refused_until:
            self._refused_until = at + (options.retry_after or 0)
        if options.block_after is not None and len(self._refused) > options.block_after:
            self.blocked = True
            return "blocked"
        return "refused"

    def reset(self) -> None:
        """What amoCRM's support does when asked."""
        self.blocked = False
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
