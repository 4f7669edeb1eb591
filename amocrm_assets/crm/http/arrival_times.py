"""How much later than it left a request may have arrived: by the times of answers, and learnt from refusals.

amoCRM counts requests when they arrive. An answer that took longer than the quickest ones belongs to a request
that arrived later, or to a slow server. It is taken as later at first, and ever less so while nothing is refused.
A jitter that the answers do not show is learnt from refusals, and forgotten slowly while there are none.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections import deque

# More than this is taken for a slow server, or for others who use the account.
MAX_JITTER_SECONDS = 0.5
MIN_MARGIN_SECONDS = 0.01
# Answers differ by so much on every machine. Being surer would cost more throughput than a rare refusal does.
NOISE_SECONDS = 0.02
# What a thread may need to note the time.
CLOCK_SECONDS = 0.001
# Before enough answers came to know their spread.
FIRST_MARGIN_SECONDS = 0.03
RECENT_ANSWERS, ENOUGH_ANSWERS = 31, 4
# A refusal makes the margin so much wider; each good answer takes a 2,000th part of it away again.
WIDEN_FACTOR, WIDEN_SECONDS = 2.0, 0.04
FORGET = 1 - 1 / 2000
# Answers that differ are taken for requests that arrive differently, at first. While nothing is refused that
# belief fades by this part with each good answer, for the server itself may be unsteady. A refusal that proves it
# right brings it back, to fade half as fast.
DOUBT = 1 / 1000
SURE = 0.95


class ArrivalTimes:
    """The network's jitter, in seconds. `margin` is what refusals taught, 0 before the first."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self._lock = threading.Lock()
        self._belief, self._doubt = 1.0, DOUBT
        self.margin = 0.0

    @property
    def can_widen(self) -> bool:
        """Whether own jitter may still explain a refusal."""
        return self.margin < MAX_JITTER_SECONDS

    @property
    def jitter(self) -> float:
        """How late a request may be of which nothing is known yet."""
        if len(self._sorted) < ENOUGH_ANSWERS:
            return max(self.margin, FIRST_MARGIN_SECONDS)
        return self._bounded(self._spread() * (1.25 + 1 / len(self._sorted)))

    def add(self, answer_seconds: float) -> None:
        """An answer began so long after its request left."""
        with self._lock:  # each answer is added by a thread of its own
            ordered = self._sorted.copy()  # readers in other threads keep a whole one
            self._recent.append(answer_seconds)
            insort(ordered, answer_seconds)
            if len(self._recent) > RECENT_ANSWERS:
                ordered.remove(self._recent.popleft())
            self._sorted = ordered

    def lateness(self, answer_seconds: float) -> float:
        """How late a request arrived at the most whose answer began so many seconds after it left."""
        if len(self._sorted) < ENOUGH_ANSWERS:
            return self.jitter
        return self._bounded(answer_seconds - self._quickest() + self._uncertainty())

    def lateness_unanswered(self, age_seconds: float) -> float:
        """The same while its answer is awaited: it is at least as late as the answer is."""
        if len(self._sorted) < ENOUGH_ANSWERS:
            return self.jitter
        return max(self.jitter, self._bounded(age_seconds - self._quickest()))

    def widen(self) -> None:
        """A refusal that own jitter explains."""
        doubted, self._belief = self._belief < SURE, 1.0
        self._doubt /= 2
        if doubted:
            return
        seen = min(self._spread(), MAX_JITTER_SECONDS) / 4 if self._sorted else 0.0
        self.margin = min(MAX_JITTER_SECONDS, max(self.margin, seen) * WIDEN_FACTOR + WIDEN_SECONDS)

    def forget(self) -> None:
        """A good answer."""
        self.margin *= FORGET
        if self._sorted and self._spread() > NOISE_SECONDS:
            self._belief *= 1 - self._doubt

    def _bounded(self, seconds: float) -> float:
        return max(self.margin, min(max(MIN_MARGIN_SECONDS, self._belief * seconds), MAX_JITTER_SECONDS))

    def _quickest(self) -> float:
        """A tenth of the answers is quicker: one that came from a cache is no measure for the others."""
        ordered = self._sorted
        return ordered[len(ordered) // 10]

    def _uncertainty(self) -> float:
        """How much quicker than the quickest tenth an answer may be, and how wrong that tenth."""
        spread = self._spread()
        return CLOCK_SECONDS + spread * (1 / 6 + 1 / len(self._sorted)) + max(0.0, spread - NOISE_SECONDS) / 4

    def _spread(self) -> float:
        ordered = self._sorted
        return ordered[-1 - len(ordered) // 10] - ordered[len(ordered) // 10]
