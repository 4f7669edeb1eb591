"""Three ways in which a server may count requests, and how many it refused."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets_tests.standin.semantics import Limit

# Sums of a seventh are not quite one.
ROUNDING = 1e-6


class Limiter:
    """Admits at most so many requests in a second. A refused request does not count."""

    def __init__(self, kind: Limit, per_second: int, *, burst: int | None = None) -> None:
        self._kind = kind
        self._per_second = per_second
        self._lock = threading.Lock()
        self._admitted: deque[float] = deque()
        self._burst = burst or per_second
        self._tokens, self._filled_at = float(self._burst), time.monotonic()
        self.refused = 0

    def admits(self) -> bool:
        """Whether a request that arrives now is answered."""
        with self._lock:
            admitted = self._kind == "none" or self._counts(time.monotonic())
            self.refused += not admitted
            return admitted

    def _counts(self, now: float) -> bool:
        if self._kind == "bucket":
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
            self._filled_at = now
            if self._tokens < 1 - ROUNDING:
                return False
            self._tokens -= 1
            return True
        since = float(int(now)) if self._kind == "fixed second" else now - 1
        while self._admitted and self._admitted[0] <= since:
            self._admitted.popleft()
        if len(self._admitted) >= self._per_second:
            return False
        self._admitted.append(now)
        return True
