"""The runs for a set of missing days: consecutive days are one run; failed days do not delay others.

A range reads amoCRM once and ends with the first day that cannot be read, so the days after it are not reached. So
a day that failed before is not in one run with one that did not. `automation` decides which days are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from amocrm_assets.orchestration.names import RANGE_END, RANGE_START

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date


@dataclass(frozen=True, order=True)
class DayRange:
    """Consecutive days, first and last included."""

    first: date
    last: date

    def __str__(self) -> str:
        """A single day, or a range in Dagster's form: `2026-01-01...2026-01-07`."""
        return f"{self.first}" if self.first == self.last else f"{self.first}...{self.last}"

    def in_words(self) -> str:
        """For messages: `2026-01-01 to 2026-01-07`."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def partition_key(self) -> str | None:
        """The partition of a single day; a range has none, its days are in `tags`."""
        return self.first.isoformat() if self.first == self.last else None

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags for one run of a range; Dagster refuses them together with a partition."""
        if self.partition_key:
            return {}
        return {RANGE_START: self.first.isoformat(), RANGE_END: self.last.isoformat()}


def neighbours(days: Iterable[date]) -> list[DayRange]:
    """Days as ranges without gaps, in order."""
    numbered = enumerate(sorted(set(days)))
    groups = groupby(numbered, key=lambda each: each[1] - timedelta(days=each[0]))
    runs = [[day for _, day in group] for _, group in groups]
    return [DayRange(run[0], run[-1]) for run in runs]


def ranges_to_ask(
    missing: Collection[date], *, captured: Collection[date], failed: Collection[date]
) -> list[DayRange]:
    """The runs for the missing days.

    Three kinds of days are never in one run: days that are captured, which need no reading; days that failed, of
    which the first of consecutive ones is launched alone, since it is the one that may fail again; all others.
    """
    ready = [day for day in missing if day in captured]
    again = [day for day in missing if day in failed and day not in captured]
    fresh = [day for day in missing if day not in failed and day not in captured]
    suspects = [each.first for each in neighbours(again)]
    behind = [day for day in again if day not in suspects]
    alone = [DayRange(day, day) for day in suspects]
    return sorted([*neighbours(ready), *alone, *neighbours(behind), *neighbours(fresh)])
