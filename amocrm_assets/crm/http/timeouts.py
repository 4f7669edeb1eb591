"""How long an answer may take: longer after one that did not come in time, and shorter again after quick ones.

Some accounts answer a filtered page after 40 to 60 seconds (https://github.com/amocrm/amocrm-api-php/issues/510).
One fixed timeout either never reads them, or lets a broken connection hang for minutes everywhere else.
"""

from __future__ import annotations

import threading

CONNECT_SECONDS = 5.0
READ_SECONDS, MAX_READ_SECONDS = 30.0, 120.0
# The whole exchange, so that bytes that trickle in do not keep it open.
EXCHANGE_SECONDS, MAX_EXCHANGE_SECONDS = 120.0, 300.0
# An answer this many times quicker than the timeout is no reason for so long a one; each such takes off a tenth.
QUICK, SHRINKING = 4.0, 0.9


class AnswerTimeout:
    """The read timeout of one account's requests. Safe for threads."""

    def __init__(self, read_seconds: float = READ_SECONDS) -> None:
        self._first = read_seconds
        self._lock = threading.Lock()
        self.read_seconds = read_seconds

    @property
    def exchange_seconds(self) -> float:
        """How long an exchange as a whole may take."""
        return min(max(EXCHANGE_SECONDS, QUICK * self.read_seconds), MAX_EXCHANGE_SECONDS)

    def grow(self, used_seconds: float) -> None:
        """An answer did not come within `used_seconds`. Requests that ran side by side double it once."""
        with self._lock:
            if used_seconds >= self.read_seconds:
                self.read_seconds = max(self._first, min(2 * used_seconds, MAX_READ_SECONDS))

    def note_answer(self, seconds: float) -> None:
        """An answer came after so many seconds."""
        if self.read_seconds > self._first and seconds * QUICK < self.read_seconds:
            with self._lock:
                self.read_seconds = max(self._first, self.read_seconds * SHRINKING)
