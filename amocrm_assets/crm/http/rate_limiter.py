"""When the next request to an account may be sent: evenly spaced permits within the account's budget.

One rate limiter serves all threads that send requests to one account. It handles times only, not requests and
responses. What it learns about the network is in `arrival_times`, about other clients in `fair_share`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING
from uuid import uuid4

from amocrm_assets.crm.http.arrival_times import MAX_JITTER_SECONDS, ArrivalTimes
from amocrm_assets.crm.http.fair_share import FairShare

if TYPE_CHECKING:
    from collections.abc import Callable

# Permits are this much further apart than the budget requires. A bucket without burst refuses a request that is a
# millisecond early, and threads do not start with that precision.
SPACING = 1.012
# Poll interval while waiting for a response that shows when its request arrived.
POLL_SECONDS = 0.02
# A token refresh may be needed before a permit is used. A permit that is unused for longer counts as sent, so that
# a lost permit does not block other threads.
MAX_UNSENT_SECONDS = 120.0
# Requests of so many seconds are kept to find the cause of a 429, whose response may come late.
RECENT_SECONDS = 8


class Permit:
    """The permission to send one request. Call `mark_sent` when it is sent: amoCRM counts it after that."""

    def __init__(self, clock: Callable[[], float], arrival_times: ArrivalTimes) -> None:
        self._clock = clock
        self._arrival_times = arrival_times
        self._sent_by = clock() + MAX_UNSENT_SECONDS
        self.at: float | None = None
        self.answer_seconds: float | None = None

    def mark_sent(self) -> None:
        """The request is sent now."""
        self.at = self._clock()

    def mark_response_started(self) -> None:
        """The first bytes of the response arrive."""
        if self.at is not None and self.answer_seconds is None:
            self.answer_seconds = self._clock() - self.at
            self._arrival_times.add(self.answer_seconds)

    def release(self) -> None:
        """The exchange is over. A request that was never sent counts as sent now, so that no thread waits."""
        if self.at is None:
            self.mark_sent()

    def latest_arrival(self) -> float:
        """The latest time at which amoCRM may have counted the request, as far as known now."""
        now = self._clock()
        if self.at is None:
            return min(now, self._sent_by) + self._arrival_times.jitter
        if self.answer_seconds is None:
            return self.at + self._arrival_times.lateness_unanswered(now - self.at)
        return self.at + self._arrival_times.lateness(self.answer_seconds)


class RateLimiter:
    """Gives at most `requests_per_second` permits in any second, both by sending and by arrival time.

    Permits are also evenly spaced, since gateways may treat a burst at the start of each second as an attack.
    `key` names this limiter among those of all processes.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        reserve: Callable[[], float] | None = None,
    ) -> None:
        """`reserve` returns how long each permit has to wait for those of other accounts, see `egress_limit`."""
        self.requests_per_second = requests_per_second
        self.key = uuid4().hex
        self._clock = clock
        self._sleep = sleep
        self._reserve = reserve
        self._budget = requests_per_second
        self._in_window = max(1, int(requests_per_second))
        self._permits: deque[Permit] = deque(maxlen=self._in_window)
        self._recent: deque[Permit] = deque(maxlen=RECENT_SECONDS * self._in_window)
        self._window = max(1.0, 1 / requests_per_second)
        self._arrival_times = ArrivalTimes()
        self._fair_share = FairShare()
        self._due = clock()
        self._held_until = clock()
        self._learnt_at = float("-inf")
        self._lock = threading.Lock()
        self._state_lock = threading.Lock()
        self.waited_seconds = 0.0

    def time_until_next(self) -> float:
        """Seconds until the next permit, 0 if it is available."""
        return max(0.0, self._next_due() - self._clock())

    def drain_delay(self) -> float:
        """Seconds until another rate limiter may start, so that its permits and these stay within one budget.

        amoCRM counts the last requests for a second; the next limiter's first requests come one by one, so it is
        enough that the budget allows each of them.
        """
        if not self._permits:
            return 0.0
        arrived = [permit.latest_arrival() for permit in self._permits.copy()]
        # The n-th permit of the next limiter comes n intervals after its start.
        spacing = SPACING / self._budget
        free = (at + self._window - spacing * number for number, at in enumerate(arrived))
        start = max(free) if len(arrived) == self._in_window else max(arrived) + self._window
        return max(self.time_until_next(), start - self._clock())

    def start_after(self, seconds: float) -> None:
        """Give no permit for so many seconds: amoCRM still counts those of another rate limiter."""
        self._due = max(self._due, self._clock() + seconds)

    def acquire(self) -> Permit:
        """Wait for the next permit and take it."""
        with self._lock:
            asked = self._clock()
            while (due := self._next_due()) > (now := self._clock()):
                self._sleep(min(due - now, POLL_SECONDS) if self._awaits_answer() else due - now)
            if self._reserve is not None and (wait := self._reserve()) > 0:
                self._sleep(wait)
                now = self._clock()
            permit = Permit(self._clock, self._arrival_times)
            with self._state_lock:  # a thread that was refused counts the recent permits
                self._permits.append(permit)
                self._recent.append(permit)
            # A sleep that took too long is compensated, but permits are never closer than the budget allows.
            spacing = self._spacing()
            self._due = max(due + spacing, now + min(spacing, 1 / self._budget))
            self.waited_seconds += now - asked
            return permit

    def refused(self, permit: Permit, wait_seconds: float = 0.0) -> bool:
        """Hold back all permits after a 429, and learn from it. False if its cause was already counted.

        The hold lasts for `wait_seconds`, and until the second before the refused request is over.
        """
        with self._state_lock:
            now = self._clock()
            sent_at = now if permit.at is None else permit.at
            fresh = sent_at > self._learnt_at and now >= self._held_until
            if fresh:
                self._learn(sent_at)
                self._learnt_at = now
            cleared = sent_at + self._window + self._arrival_times.jitter
            self._held_until = max(self._held_until, now + wait_seconds, cleared)
            return fresh

    def succeeded(self, permit: Permit) -> bool:
        """Count a successful response. False if its request was sent before the last 429 was received."""
        with self._state_lock:
            self._arrival_times.forget()
            current = permit.at is not None and permit.at > self._learnt_at
            if current:
                self._fair_share.recover()
            return current

    def hold_seconds(self) -> float:
        """Seconds until a hold ends, 0 without one."""
        return max(0.0, self._held_until - self._clock())

    def _learn(self, refused_at: float) -> None:
        """Our own jitter can be the cause only if enough of our requests may have been counted in one second."""
        since = refused_at - self._window - MAX_JITTER_SECONDS
        own = sum(permit.at is not None and since < permit.at <= refused_at for permit in self._recent)
        if own > self._in_window and self._arrival_times.can_widen:
            self._arrival_times.widen()
        else:
            self._fair_share.give_way()

    def _spacing(self) -> float:
        widened = 1 + self._arrival_times.margin / self._window
        return max(SPACING, widened) / (self._budget * self._fair_share.now)

    def _awaits_answer(self) -> bool:
        return len(self._permits) == self._in_window and self._permits[0].answer_seconds is None

    def _next_due(self) -> float:
        due = max(self._due, self._held_until)
        if len(self._permits) == self._in_window:
            due = max(due, self._permits[0].latest_arrival() + self._window)
        return due
