"""amoCRM's clock, by the `Date` headers of its answers. Requests are not sent here, and nothing is decided."""

from __future__ import annotations

import time
from collections import deque
from statistics import median_low

# Enough that some wrong ones do not decide, few enough to follow a clock that is put right.
KEPT_ANSWERS = 31
# With fewer, one wrong answer could decide.
MIN_ANSWERS = 3


class ServerClock:
    """How far amoCRM's clock is ahead of ours. Changed under the client's lock only."""

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=KEPT_ANSWERS)

    def add(self, sent_at: int | None) -> None:
        """Note an answer's `Date`, Unix seconds; None where it has none."""
        if sent_at is not None:
            self._differences.append(sent_at - time.time())

    @property
    def difference(self) -> float:
        """Seconds by which amoCRM is ahead, by most of its last answers; 0 before the first."""
        return median_low(self._differences.copy()) if self._differences else 0.0

    @property
    def is_known(self) -> bool:
        """Whether so many answers told the time that no single one decides."""
        return len(self._differences) >= MIN_ANSWERS
