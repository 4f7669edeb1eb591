"""When an account may be asked next: evenly spaced permits under the account's budget.

One rate limiter serves all threads that ask one account. It knows time only; what is asked, and what an answer
means, is known elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from statistics import median_low
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Two requests sent a second apart may arrive closer together than that, and amoCRM counts arrivals. How late the
# first of them arrived shows in how late it was answered, beside the others; as long as it is not, the worst is
# taken. The margin costs 1 % of the limit, 5 % at most; a refusal costs seconds.
MIN_MARGIN_SECONDS, MAX_MARGIN_SECONDS = 0.01, 0.05
USUAL_OF_ANSWERS = 31
OVERSLEEP_SECONDS = 0.02
# After a refusal the pace is halved, and each good answer gives back this share of the budget.
RECOVERY = 0.02
MIN_SHARE = 1 / 16


class Permit:
    """The right to send one request. Say `sent` when it has left: only then amoCRM can have counted it.

    `late_by` is how much later than it left the request may have arrived, by what is known of it.
    """

    def __init__(self, clock: Callable[[], float], lateness: Callable[[float], float]) -> None:
        self._clock = clock
        self._lateness = lateness
        self.at: float | None = None
        self.late_by = MAX_MARGIN_SECONDS

    def mark_sent(self) -> None:
        """The request has left now."""
        self.at = self._clock()

    def mark_response_started(self) -> None:
        """The answer begins to come in."""
        if self.at is not None:
            self.late_by = self._lateness(self._clock() - self.at)

    def release(self) -> None:
        """The exchange is over: a request that never left counts as sent now, so that nobody waits for it."""
        if self.at is None:
            self.mark_sent()


class RateLimiter:
    """Gives permits so that no second ever sees more than `requests_per_second` of them.

    Turns are also spread evenly, since a burst at the start of each second is what gateways take for an attack.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._budget = requests_per_second
        self._pace = requests_per_second
        self._permits: deque[Permit] = deque(maxlen=max(1, int(requests_per_second)))
        self._window = max(1.0, 1 / requests_per_second)
        self._answer_times: deque[float] = deque(maxlen=USUAL_OF_ANSWERS)
        self._due = clock()
        self._held_until = clock()
        self._lock = threading.Lock()
        self._pace_lock = threading.Lock()
        self.waited_seconds = 0.0

    def time_until_next(self) -> float:
        """Seconds until the next permit, 0 when it is there."""
        return max(0.0, self._next_due() - self._clock())

    def drain_delay(self) -> float:
        """Seconds until another rate limiter may begin, so that its permits and these keep the budget together."""
        # Two rate limiters know nothing of each other's sleeps, so both of their margins are needed.
        return self.time_until_next() + OVERSLEEP_SECONDS + 2 * MAX_MARGIN_SECONDS

    def acquire(self) -> Permit:
        """Wait for the next permit and take it."""
        with self._lock:
            asked = self._clock()
            while (due := self._next_due()) > (now := self._clock()):
                self._sleep(due - now)
            permit = Permit(self._clock, self._lateness)
            self._permits.append(permit)
            # A sleep that took a little too long does not push back later permits; idle time is not made up for.
            self._due = max(due, now - OVERSLEEP_SECONDS) + 1 / self._pace
            self.waited_seconds += now - asked
            return permit

    def back_off(self, wait_seconds: float) -> bool:
        """Hold every permit back and halve the pace. False when a hold is on already: one cause counts once."""
        with self._pace_lock:
            now = self._clock()
            fresh = now >= self._held_until
            self._held_until = max(self._held_until, now + wait_seconds)
            if fresh:
                self._pace = max(self._pace / 2, self._budget * MIN_SHARE)
            return fresh

    def hold_seconds(self) -> float:
        """Seconds until a hold ends, 0 when there is none."""
        return max(0.0, self._held_until - self._clock())

    def recover(self) -> None:
        """Give back a share of the budget after a good answer."""
        if self._pace < self._budget:
            with self._pace_lock:
                self._pace = min(self._budget, self._pace + self._budget * RECOVERY)

    def _next_due(self) -> float:
        due = max(self._due, self._held_until)
        if len(self._permits) == self._permits.maxlen:
            oldest = self._permits[0]
            left_at = self._clock() if oldest.at is None else oldest.at
            due = max(due, left_at + oldest.late_by + self._window)
        return due

    def _lateness(self, answer_seconds: float) -> float:
        self._answer_times.append(answer_seconds)
        late = answer_seconds - median_low(list(self._answer_times)) + MIN_MARGIN_SECONDS / 2
        return min(max(late, MIN_MARGIN_SECONDS), MAX_MARGIN_SECONDS)
