"""When an account may be asked next: evenly spaced permits under the account's budget.

One rate limiter serves all threads that ask one account. It knows time only; what is asked, and what an answer
means, is known elsewhere. What it learns of the network is in `arrival_times`, of other users in `fair_share`.
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

# Permits are this much further apart than the budget asks for. A bucket without burst refuses whatever comes a
# millisecond early, and threads do not start to the millisecond.
SPACING = 1.012
# How often a wait for an answer that tells when its request arrived looks at it.
POLL_SECONDS = 0.02
# Whoever has a permit may have to refresh a token first. One that is not used for longer is taken for sent, so
# that whoever lost it stops nobody.
MAX_UNSENT_SECONDS = 120.0


class Permit:
    """The right to send one request. Say `mark_sent` when it has left: only then amoCRM can have counted it."""

    def __init__(self, clock: Callable[[], float], arrival_times: ArrivalTimes) -> None:
        self._clock = clock
        self._arrival_times = arrival_times
        self._sent_by = clock() + MAX_UNSENT_SECONDS
        self.at: float | None = None
        self.answer_seconds: float | None = None

    def mark_sent(self) -> None:
        """The request has left now."""
        self.at = self._clock()

    def mark_response_started(self) -> None:
        """The answer begins to come in."""
        if self.at is not None and self.answer_seconds is None:
            self.answer_seconds = self._clock() - self.at
            self._arrival_times.add(self.answer_seconds)

    def release(self) -> None:
        """The exchange is over: a request that never left counts as sent now, so that nobody waits for it."""
        if self.at is None:
            self.mark_sent()

    def latest_arrival(self) -> float:
        """When amoCRM may have counted the request at the latest, by what is known now."""
        now = self._clock()
        if self.at is None:
            return min(now, self._sent_by) + self._arrival_times.jitter
        if self.answer_seconds is None:
            return self.at + self._arrival_times.lateness_unanswered(now - self.at)
        return self.at + self._arrival_times.lateness(self.answer_seconds)


class RateLimiter:
    """Gives permits so that no second ever sees more than `requests_per_second` of them, sent or arrived.

    Permits are also spread evenly, since a burst at the start of each second is what gateways take for an attack.
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
        """`reserve` says how long each permit has to wait for those of other accounts, see `egress_limit`."""
        self.requests_per_second = requests_per_second
        self.key = uuid4().hex
        self._clock = clock
        self._sleep = sleep
        self._reserve = reserve
        self._budget = requests_per_second
        self._permits: deque[Permit] = deque(maxlen=max(1, int(requests_per_second)))
        self._recent: deque[Permit] = deque(maxlen=8 * max(1, int(requests_per_second)))
        self._window = max(1.0, 1 / requests_per_second)
        self._arrival_times = ArrivalTimes()
        self._share = FairShare()
        self._due = clock()
        self._held_until = clock()
        self._learnt_at = float("-inf")
        self._lock = threading.Lock()
        self._state_lock = threading.Lock()
        self.waited_seconds = 0.0

    def time_until_next(self) -> float:
        """Seconds until the next permit, 0 when it is there."""
        return max(0.0, self._next_due() - self._clock())

    def drain_delay(self) -> float:
        """Seconds until another rate limiter may begin, so that its permits and these keep the budget together.

        The requests that were sent last are amoCRM's to count for a second; the next limiter's first ones come
        one by one, so it is enough that the budget allows each of them.
        """
        if not self._permits:
            return 0.0
        arrived = [permit.latest_arrival() for permit in self._permits]
        # The n-th permit of the next limiter may come n spaces after its start.
        spacing = SPACING / self._budget
        free = (at + self._window - spacing * number for number, at in enumerate(arrived))
        missing = self._permits.maxlen or 0
        start = max(free) if len(arrived) == missing else max(arrived) + self._window
        return max(0.0, self.time_until_next(), start - self._clock())

    def start_after(self, seconds: float) -> None:
        """Give no permit before so many seconds are over: those of another rate limiter are still counted."""
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
            self._permits.append(permit)
            self._recent.append(permit)
            # A sleep that took a little too long is made up for, but never by permits closer than the budget's.
            spacing = self._spacing()
            self._due = max(due + spacing, now + min(spacing, 1 / self._budget))
            self.waited_seconds += now - asked
            return permit

    def refused(self, permit: Permit, wait_seconds: float = 0.0) -> bool:
        """Hold every permit back after a 429, and learn from it. False when the cause is known: it counts once.

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
        """Note a good answer. False for a request that had left before the last refusal was known."""
        with self._state_lock:
            self._arrival_times.forget()
            current = permit.at is not None and permit.at > self._learnt_at
            if current:
                self._share.recover()
            return current

    def hold_seconds(self) -> float:
        """Seconds until a hold ends, 0 when there is none."""
        return max(0.0, self._held_until - self._clock())

    def _learn(self, refused_at: float) -> None:
        """Own jitter can be the cause only where enough own requests may have been counted in one second."""
        since = refused_at - self._window - MAX_JITTER_SECONDS
        own = sum(permit.at is not None and since < permit.at <= refused_at for permit in self._recent)
        if own > (self._permits.maxlen or 1) and self._arrival_times.can_widen:
            self._arrival_times.widen()
        else:
            self._share.give_way()

    def _spacing(self) -> float:
        widened = 1 + self._arrival_times.margin / self._window
        return max(SPACING, widened) / (self._budget * self._share.now)

    def _awaits_answer(self) -> bool:
        return len(self._permits) == self._permits.maxlen and self._permits[0].answer_seconds is None

    def _next_due(self) -> float:
        due = max(self._due, self._held_until)
        if len(self._permits) == self._permits.maxlen:
            due = max(due, self._permits[0].latest_arrival() + self._window)
        return due
