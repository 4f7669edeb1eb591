"""How long after it was sent a request may have arrived: estimated from response times, and learned from 429s.

amoCRM counts requests when they arrive. If a response took longer than the fastest ones, either its request
arrived later or the server was slow. At first a late arrival is assumed; the assumption decays while there are no
429s. Jitter that response times do not show is learned from 429s, and decays slowly without them.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections import deque

# A longer delay is attributed to a slow server, or to other clients of the account.
MAX_JITTER_SECONDS = 0.5
MIN_MARGIN_SECONDS = 0.01
# Response times vary by this much on any machine. A larger margin would cost more throughput than a rare 429 does.
NOISE_SECONDS = 0.02
# The time that a thread may take to read the clock.
CLOCK_SECONDS = 0.001
# Used until there are enough responses to know their spread.
FIRST_MARGIN_SECONDS = 0.03
RECENT_ANSWERS, ENOUGH_ANSWERS = 31, 4
# A 429 widens the margin by this much; each successful response reduces it by 1/2000.
WIDEN_FACTOR, WIDEN_SECONDS = 2.0, 0.04
FORGET = 1 - 1 / 2000
# At first, varying response times are attributed to varying arrival times. Without 429s this assumption decays by
# this factor with each successful response, since the server's own speed may vary. A 429 that confirms it restores
# it, and it then decays half as fast.
DOUBT = 1 / 1000
SURE = 0.95


class ArrivalTimes:
    """The network's jitter, in seconds. `margin` is the part learned from 429s, 0 before the first."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self._lock = threading.Lock()
        self._belief, self._doubt = 1.0, DOUBT
        self.margin = 0.0

    @property
    def can_widen(self) -> bool:
        """Whether jitter of our own requests may still explain a 429."""
        return self.margin < MAX_JITTER_SECONDS

    @property
    def jitter(self) -> float:
        """Maximum delay of a request that has not been sent yet."""
        if len(self._sorted) < ENOUGH_ANSWERS:
            return max(self.margin, FIRST_MARGIN_SECONDS)
        return self._bounded(self._spread() * (1.25 + 1 / len(self._sorted)))

    def add(self, answer_seconds: float) -> None:
        """Add a response time: from sending the request to the first byte of its response."""
        with self._lock:  # each response is added by a thread of its own
            ordered = self._sorted.copy()  # readers in other threads keep a consistent list
            self._recent.append(answer_seconds)
            insort(ordered, answer_seconds)
            if len(self._recent) > RECENT_ANSWERS:
                ordered.remove(self._recent.popleft())
            self._sorted = ordered

    def lateness(self, answer_seconds: float) -> float:
        """Maximum delay of a request with this response time."""
        if len(self._sorted) < ENOUGH_ANSWERS:
            return self.jitter
        return self._bounded(answer_seconds - self._quickest() + self._uncertainty())

    def lateness_unanswered(self, age_seconds: float) -> float:
        """The same before its response: the delay may be as long as the response is late."""
        if len(self._sorted) < ENOUGH_ANSWERS:
            return self.jitter
        return max(self.jitter, self._bounded(age_seconds - self._quickest()))

    def widen(self) -> None:
        """A 429 that the jitter of our own requests explains."""
        doubted, self._belief = self._belief < SURE, 1.0
        self._doubt /= 2
        if doubted:
            return
        seen = min(self._spread(), MAX_JITTER_SECONDS) / 4 if self._sorted else 0.0
        self.margin = min(MAX_JITTER_SECONDS, max(self.margin, seen) * WIDEN_FACTOR + WIDEN_SECONDS)

    def forget(self) -> None:
        """A successful response."""
        self.margin *= FORGET
        if self._sorted and self._spread() > NOISE_SECONDS:
            self._belief *= 1 - self._doubt

    def _bounded(self, seconds: float) -> float:
        return max(self.margin, min(max(MIN_MARGIN_SECONDS, self._belief * seconds), MAX_JITTER_SECONDS))

    def _quickest(self) -> float:
        """The 10th percentile of response times: a single cached response says nothing about the others."""
        ordered = self._sorted
        return ordered[len(ordered) // 10]

    def _uncertainty(self) -> float:
        """How much faster than the 10th percentile a response may be, plus the error of that percentile."""
        spread = self._spread()
        return CLOCK_SECONDS + spread * (1 / 6 + 1 / len(self._sorted)) + max(0.0, spread - NOISE_SECONDS) / 4

    def _spread(self) -> float:
        ordered = self._sorted
        return ordered[-1 - len(ordered) // 10] - ordered[len(ordered) // 10]
