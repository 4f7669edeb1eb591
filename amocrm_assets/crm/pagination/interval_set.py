"""What pages cover together: intervals of keys, and their positions in the list."""

from __future__ import annotations


class IntervalSet:
    """Closed intervals of keys, merged as they are added, and the positions in the list where they ended.

    None is the beginning or the end of the list.
    """

    _START, _END = -(1 << 80), 1 << 80

    def __init__(self, low: int | None, high: int | None) -> None:
        self._low = self._START if low is None else low
        self._high = self._END if high is None else high
        self._runs: list[tuple[int, int]] = []
        self._ends: list[tuple[int, int]] = []

    def add(self, low: int | None, high: int | None, *, end_position: int) -> None:
        """Count `[low, high]` as covered; the page ended at `end_position` of the list."""
        start = self._START if low is None else low
        end = self._END if high is None else high
        self._ends.append((end, end_position))
        if start > end:
            return
        apart = [run for run in self._runs if run[1] + 1 < start or end + 1 < run[0]]
        joined = [run for run in self._runs if run not in apart]
        merged = min([start, *(run[0] for run in joined)]), max([end, *(run[1] for run in joined)])
        self._runs = sorted([*apart, merged])

    @property
    def complete(self) -> bool:
        return self.first_gap() > self._high

    @property
    def covered_from_start(self) -> int:
        """The last key up to which nothing is missing."""
        return self.first_gap() - 1

    def first_gap(self) -> int:
        """The first key that is needed and not covered; one after the last needed key if all are covered."""
        for low, high in self._runs:
            if low <= self._low <= high:
                return high + 1
        return self._low

    def is_behind(self, key: int) -> bool:
        """Whether a key is after everything needed."""
        return key > self._high

    def position_before(self, gap: int) -> int:
        """The position where the last page ended that is wholly before a gap, by the newest page."""
        return max((position for end, position in self._ends if end < gap), default=0)

    def holds(self, key: int) -> bool:
        """Whether a key is covered."""
        return any(low <= key <= high for low, high in self._runs)
