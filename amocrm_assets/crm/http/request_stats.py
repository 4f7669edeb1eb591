"""Counts requests to amoCRM and its responses, for the metadata of assets."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class RequestStats:
    """Requests to amoCRM and its responses. Thread-safe."""

    requests: int = 0
    received_bytes: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    retry_after_count: int = 0
    requests_before: int = 0
    """Those that do not count for the rate, see `restart_rate`."""
    first_sent: float | None = None
    last_received: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def requests_per_second(self) -> float:
        """Requests per second between the first request and the last response; 0 before that."""
        if self.first_sent is None or self.last_received is None or self.last_received <= self.first_sent:
            return 0.0
        return (self.requests - self.requests_before) / (self.last_received - self.first_sent)

    def restart_rate(self) -> None:
        """Let `requests_per_second` begin anew: a client is idle between readings."""
        with self._lock:
            self.requests_before = self.requests
            self.first_sent = self.last_received = None

    def count_sent(self, now: float) -> None:
        """A request is being sent."""
        with self._lock:
            self.requests += 1
            if self.first_sent is None:
                self.first_sent = now

    def count_received(self, size_bytes: int, now: float) -> None:
        """A response was received completely."""
        with self._lock:
            self.received_bytes += size_bytes
            self.last_received = now

    def count_retry(self, reason: str, *, had_retry_after: bool = False) -> None:
        """A request is retried, after a status or `connection`; `had_retry_after`: after that header."""
        with self._lock:
            self.retries[reason] += 1
            self.retry_after_count += had_retry_after
