"""Partition days: which seconds a day has in a zone, and whether two zones bound days by the same midnights.

The ground that reading, captures and rows share. Which days a source has is decided in `orchestration.partitions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from collections.abc import Iterable

# Clocks of two zones differ by 26 hours at most (UTC-12 and UTC+14), so the same seconds are at most so many days
# apart by two zones' calendars.
NEIGHBOURS = 2
# Rules of clocks change over the seasons: a year holds each of them.
_YEAR = 366


@dataclass(frozen=True)
class Window:
    """A closed interval of Unix seconds."""

    from_at: int
    to_at: int

    def meets(self, other: Window) -> bool:
        """Whether the two have a second in common."""
        return other.from_at <= self.to_at and self.from_at <= other.to_at

    def holds(self, at: int) -> bool:
        """Whether a second is within."""
        return self.from_at <= at <= self.to_at

    def missing_from(self, windows: Iterable[Window]) -> list[Window]:
        """The parts of this window that none of the others covers, in order."""
        parts, begin = [], self.from_at
        for window in sorted(windows, key=lambda each: each.from_at):
            if window.from_at > self.to_at:
                break
            if window.from_at > begin:
                parts.append(Window(begin, window.from_at - 1))
            begin = max(begin, window.to_at + 1)
        return [*parts, Window(begin, self.to_at)] if begin <= self.to_at else parts


def midnight(day: date, zone: ZoneInfo) -> int:
    """The first second of a day in a zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def day_window(day: date, zone: ZoneInfo) -> Window:
    """The seconds of a day in a zone, from midnight to the last second before the next one: 23 to 25 hours."""
    return Window(midnight(day, zone), midnight(day + timedelta(days=1), zone) - 1)


def neighbours(day: date) -> list[date]:
    """The days, this one among them, whose seconds by another zone may be this day's seconds."""
    return [day + timedelta(days=number) for number in range(-NEIGHBOURS, NEIGHBOURS + 1)]


def year_until(day: date) -> list[date]:
    """The days of a year that ends with a day: what is true of all of them is true through the seasons."""
    return [day - timedelta(days=back) for back in range(_YEAR, -1, -1)]


def consecutive_ranges(days: Iterable[date]) -> list[list[date]]:
    """Days, given in order, as ranges without gaps: each can be read in one go."""
    ranges: list[list[date]] = []
    for day in days:
        if not ranges or day - ranges[-1][-1] > timedelta(days=1):
            ranges.append([])
        ranges[-1].append(day)
    return ranges


def days_that_differ(zone_name: str | None, zone: ZoneInfo, days: Iterable[date]) -> list[date]:
    """The days that the zone of this name bounds by other midnights; all of them where no zone has the name.

    The one test of whether an account's zone fits its source's: zones of different names often have the same days.
    """
    named = _zone(zone_name)
    return [day for day in days if named is None or day_window(day, named) != day_window(day, zone)]


def is_zone(name: str | None) -> bool:
    """Whether a zone has this name."""
    return _zone(name) is not None


@cache
def _zone(name: str | None) -> ZoneInfo | None:
    """The zone of this name, None where there is none. Looking for it is slow."""
    return ZoneInfo(name) if name in available_timezones() else None
