"""Partition days: which seconds a day has in a zone, and whether two zones bound days by the same midnights.

Used by reading, captures and rows. For the days of a source see `orchestration.partitions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two time zones differ by at most 26 hours (UTC-12 and UTC+14), so the dates of one second differ by at most this
# many days.
NEIGHBOURS = 2
# The last second of 2199: a number beyond it is no Unix time in seconds, but for example one in milliseconds.
MAX_AT = 7_258_118_399
# Offsets change with the seasons: a year contains each of them.
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
        """Whether a second is within the window."""
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
    """The days, including this one, that may share seconds with this day if read in another time zone."""
    return [day + timedelta(days=number) for number in range(-NEIGHBOURS, NEIGHBOURS + 1)]


def year_until(day: date) -> list[date]:
    """The days of the year that ends with a day, so all seasonal offsets."""
    return [day - timedelta(days=back) for back in range(_YEAR, -1, -1)]


def consecutive_ranges(days: Iterable[date]) -> list[list[date]]:
    """Sorted days as ranges without gaps: each can be read in one pass."""
    ranges: list[list[date]] = []
    for day in days:
        if not ranges or day - ranges[-1][-1] > timedelta(days=1):
            ranges.append([])
        ranges[-1].append(day)
    return ranges


def days_that_differ(zone_name: str | None, zone: ZoneInfo, days: Iterable[date]) -> list[date]:
    """The days with other midnights in the time zone of this name; all of them if no zone has the name.

    The only test of whether an account's zone matches its source's: zones of different names often have equal
    days.
    """
    named = _zone(zone_name)
    return [day for day in days if named is None or day_window(day, named) != day_window(day, zone)]


def is_zone(name: str | None) -> bool:
    """Whether a zone has this name."""
    return _zone(name) is not None


@cache
def _zone(name: str | None) -> ZoneInfo | None:
    """The zone of this name, None if there is none. The lookup is slow."""
    return ZoneInfo(name) if name in available_timezones() else None
