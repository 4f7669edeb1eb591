"""amoCRM's clock, from the `Date` headers of its responses."""

from __future__ import annotations

import time
from collections import deque
from statistics import median_low

# Enough to outvote some wrong ones, few enough to follow a corrected clock.
KEPT_ANSWERS = 31
# With fewer, a single wrong response could decide.
MIN_ANSWERS = 3


class ServerClock:
    """The difference between amoCRM's clock and ours. Changed under the client's lock only."""

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=KEPT_ANSWERS)

    def add(self, sent_at: int | None) -> None:
        """Add a response's `Date`, Unix seconds; None without one."""
        if sent_at is not None:
            self._differences.append(sent_at - time.time())

    @property
    def difference(self) -> float:
        """Seconds by which amoCRM is ahead, by majority of its last responses; 0 before the first."""
        return median_low(self._differences.copy()) if self._differences else 0.0

    @property
    def is_known(self) -> bool:
        """Whether there are enough responses with a `Date` that no single one decides."""
        return len(self._differences) >= MIN_ANSWERS
