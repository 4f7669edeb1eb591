"""The sandbox's own clock: the machine's with an offset, or one that only `advance` moves."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970, UTC, for all times of amoCRM, including the `Date` header."""

    def __init__(self, *, offset_seconds: float = 0.0, frozen_at: float | None = None) -> None:
        self._offset_seconds = offset_seconds
        self._frozen_at = frozen_at

    def now(self) -> float:
        """The instant, with fractions."""
        return (time.time() if self._frozen_at is None else self._frozen_at) + self._offset_seconds

    def seconds(self) -> int:
        """The time in whole seconds, as amoCRM stores it."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self._offset_seconds += seconds
