"""The read timeout: longer after a timeout, and shorter again after fast responses.

Some accounts take 40 to 60 seconds for a filtered page (https://github.com/amocrm/amocrm-api-php/issues/510).
With one fixed timeout either these could not be read, or a broken connection would hang for minutes everywhere
else.
"""

from __future__ import annotations

import threading

CONNECT_SECONDS = 5.0
READ_SECONDS, MAX_READ_SECONDS = 30.0, 120.0
# For the whole exchange, so that a slow trickle of bytes does not keep it open.
EXCHANGE_SECONDS, MAX_EXCHANGE_SECONDS = 120.0, 300.0
# If a response is this many times faster than the timeout, the timeout is reduced by a tenth.
QUICK, SHRINKING = 4.0, 0.9


class AnswerTimeout:
    """The read timeout of one account's requests. Thread-safe."""

    def __init__(self, read_seconds: float = READ_SECONDS) -> None:
        self._first = read_seconds
        self._lock = threading.Lock()
        self.read_seconds = read_seconds

    @property
    def exchange_seconds(self) -> float:
        """The deadline of a whole exchange."""
        return min(max(EXCHANGE_SECONDS, QUICK * self.read_seconds), MAX_EXCHANGE_SECONDS)

    def grow(self, used_seconds: float) -> None:
        """No response came within `used_seconds`. Concurrent requests double the timeout once."""
        with self._lock:
            if used_seconds >= self.read_seconds:
                self.read_seconds = max(self._first, min(2 * used_seconds, MAX_READ_SECONDS))

    def note_answer(self, seconds: float) -> None:
        """A response came after so many seconds."""
        if self.read_seconds > self._first and seconds * QUICK < self.read_seconds:
            with self._lock:
                self.read_seconds = max(self._first, self.read_seconds * SHRINKING)
