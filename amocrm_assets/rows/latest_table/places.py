"""Finds the newest row of each record among all days, and the row that has the record's properties.

The two differ if the newest row is a stub: a deleted record for which amoCRM sends no other properties. Everything
here is arrays with one item per record; no rows are read. Rows are ranked by (`updated_at`, day).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from amocrm_assets.rows.json_values import INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Booleans = npt.NDArray[np.bool_]

NEVER = INT64_MIN
"""Replaces an `updated_at` that is null."""


@dataclass(frozen=True)
class DayPlaces:
    """Arrays with an item for each row of one day, in the order of the file."""

    ids: Integers
    updated_at: Integers
    is_deleted: Booleans
    has_properties: Booleans


@dataclass(frozen=True)
class Places:
    """Arrays with an item for each record, sorted by id: its newest row, and the row that has its properties.

    Days are counted from 1970-01-01. If no row of a record has properties, the newest row is used for both.
    """

    ids: Integers
    updated_at: Integers
    day: Integers
    is_deleted: Booleans
    properties_at: Integers
    properties_day: Integers
    has_properties: Booleans

    def select(self, places: Integers | Booleans) -> Places:
        """The items of some records, given by index or mask."""
        return Places(*(getattr(self, each.name)[places] for each in fields(self)))

    @property
    def overlaid(self) -> Booleans:
        """Which records have a stub as newest row and their properties in an earlier row."""
        differ: Booleans = (self.updated_at != self.properties_at) | (self.day != self.properties_day)
        return differ

    def positions(self, ids: Integers) -> tuple[Booleans, Integers]:
        """Which of these ids are here, and their indices; the index of an id that is not here is meaningless."""
        return _positions(self.ids, ids)


def places_of(days: Sequence[tuple[int, DayPlaces]]) -> Places:
    """The places of all records in days, which are given with their day numbers."""
    empty = DayPlaces(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_), np.empty(0, np.bool_))
    rows = [empty, *(each for _, each in days)]
    ids, updated_at, is_deleted, has_properties = (
        np.concatenate([getattr(each, name) for each in rows]) for name in _DAY_NAMES
    )
    day = np.repeat(np.array([number for number, _ in days], np.int64), [len(each.ids) for _, each in days])
    ranked = np.lexsort((day, updated_at, ids))
    newest = _last_of_each(ids, ranked)
    full = _last_of_each(ids, ranked[has_properties[ranked]])
    found, at = _positions(ids[full], ids[newest])
    properties = newest.copy()
    properties[found] = full[at[found]]
    return Places(
        ids[newest],
        updated_at[newest],
        day[newest],
        is_deleted[newest],
        updated_at[properties],
        day[properties],
        found,
    )


def is_superseded(kept: Places, new: Places, changed: Collection[int]) -> bool:
    """Whether the new places in changed days replace every kept place in these days.

    If a day no longer has a record's newest row, the newest may now be in a day that was not read again.
    """
    days = np.array(sorted(changed), np.int64)
    of_newest, of_fullest = np.isin(kept.day, days), kept.has_properties & np.isin(kept.properties_day, days)
    concerned = of_newest | of_fullest
    kept, of_newest, of_fullest = kept.select(concerned), of_newest[concerned], of_fullest[concerned]
    found, at = new.positions(kept.ids)
    if not np.all(found):
        return False
    other = new.select(at)
    is_newest = _is_at_least(other.updated_at, other.day, kept.updated_at, kept.day)
    is_fullest = other.has_properties & _is_at_least(
        other.properties_at, other.properties_day, kept.properties_at, kept.properties_day
    )
    return bool(np.all(is_newest[of_newest]) and np.all(is_fullest[of_fullest]))


def joined(kept: Places, new: Places) -> tuple[Places, Booleans]:
    """The places of the records in `new`, considering both; and which of them have their properties from `new`."""
    found, at = kept.positions(new.ids)
    if not np.any(found):
        return new, np.ones(len(new.ids), np.bool_)
    old = kept.select(at)
    newer = ~found | _is_at_least(new.updated_at, new.day, old.updated_at, old.day)
    is_fuller = _is_at_least(new.properties_at, new.properties_day, old.properties_at, old.properties_day)
    either_has = np.where(new.has_properties & old.has_properties, is_fuller, new.has_properties)
    from_new: Booleans = ~found | np.where(new.has_properties | old.has_properties, either_has, newer)

    def either(which: Booleans, name: str) -> Any:
        return np.where(which, getattr(new, name), getattr(old, name))

    newest = {name: either(newer, name) for name in ("updated_at", "day", "is_deleted")}
    properties = {name: either(from_new, name) for name in ("properties_at", "properties_day", "has_properties")}
    return Places(ids=new.ids, **newest, **properties), from_new


_DAY_NAMES = tuple(each.name for each in fields(DayPlaces))


def _is_at_least(at: Integers, day: Integers, other_at: Integers, other_day: Integers) -> Booleans:
    later: Booleans = (at > other_at) | ((at == other_at) & (day >= other_day))
    return later


def _last_of_each(ids: Integers, ranked: Integers) -> Integers:
    """The last row of each record; `ranked` are rows sorted by (record, rank)."""
    if not len(ranked):
        return ranked
    last: Integers = ranked[np.append(np.diff(ids[ranked]) != 0, True)]
    return last


def _positions(known: Integers, ids: Integers) -> tuple[Booleans, Integers]:
    if not len(known):
        return np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.int64)
    found = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return known[found] == ids, found
