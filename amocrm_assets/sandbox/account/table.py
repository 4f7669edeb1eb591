"""The newest version of every lead: when it was made and last changed, how often, and whether it is in the trash.

Arrays only, since benchmarks use a million leads. Content is not stored: `leads` computes it each time.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, overload

if TYPE_CHECKING:
    from collections.abc import Iterable

# Index keys hold the second in the upper and the id in the lower half, so that one array sorts by both.
_HALF = 32
_LOWER = (1 << _HALF) - 1
_REBUILD_FROM = 2000  # from this number on, sorting again is faster than inserting one by one


class State(IntEnum):
    """Where a lead is. `GONE` is in no list: purged, or merged into another lead."""

    LIVE = 0
    TRASHED = 1
    GONE = 2


class LeadVersion(NamedTuple):
    """One lead without its content."""

    id: int
    created_at: int
    updated_at: int
    revision: int = 0
    state: State = State.LIVE


@dataclass(frozen=True)
class Page:
    """Some leads of a list, or records of another one, in its order."""

    leads: list[dict[str, Any]]
    has_next: bool


class LeadTable:
    """Columns in order of id, and one index by (updated_at, id) for each of amoCRM's lists."""

    def __init__(self) -> None:
        self._ids = array("Q")
        self._created = array("q")
        self._updated = array("q")
        self._revisions = array("L")
        self._states = array("B")
        self._indexes = {State.LIVE: array("Q"), State.TRASHED: array("Q")}

    def __len__(self) -> int:
        return len(self._ids)

    def load(
        self, ids: Sequence[int], updated_at: Sequence[int], *, created_at: Sequence[int], states: Sequence[int]
    ) -> None:
        """Replace everything. In any order; ids are unique and fit in 32 bits."""
        if ids and max(ids) > _LOWER:
            raise ValueError(f"{max(ids)} is too great for an id of the sandbox; the greatest is {_LOWER}")
        order = sorted(range(len(ids)), key=ids.__getitem__)
        self._ids = array("Q", map(ids.__getitem__, order))
        self._created = array("q", map(created_at.__getitem__, order))
        self._updated = array("q", map(updated_at.__getitem__, order))
        self._revisions = array("L", bytes(array("L").itemsize * len(order)))
        self._states = array("B", map(states.__getitem__, order))
        self._index()

    def find(self, lead_id: int) -> LeadVersion | None:
        """The lead with that id, including purged ones."""
        place = bisect_left(self._ids, lead_id)
        if place == len(self._ids) or self._ids[place] != lead_id:
            return None
        return LeadVersion(
            lead_id,
            self._created[place],
            self._updated[place],
            self._revisions[place],
            State(self._states[place]),
        )

    def write(self, versions: Iterable[LeadVersion]) -> None:
        """Add leads, or replace those with the same ids."""
        versions = sorted(versions)
        if len(versions) < _REBUILD_FROM:
            for version in versions:
                self._unlist(version.id)
                self._write(version)
                self._list(version)
        else:
            for version in versions:
                self._write(version)
            self._index()

    def ids(self, state: State, *, since: int, until: int, descending: bool = False) -> Sequence[int]:
        """Ids of one list in order of (updated_at, id), for a closed interval of seconds."""
        return _Ids(self._indexes[state], self._part(state, since, until), descending=descending)

    def stamps(self, state: State, *, since: int, until: int) -> dict[int, int]:
        """`updated_at` by id, for the same."""
        index = self._indexes[state]
        return {index[place] & _LOWER: index[place] >> _HALF for place in self._part(state, since, until)}

    def _part(self, state: State, since: int, until: int) -> range:
        index = self._indexes[state]
        start = bisect_left(index, _key(max(since, 0), 0))
        stop = bisect_right(index, _key(min(until, _LOWER), _LOWER)) if until >= 0 else 0
        return range(start, max(start, stop))

    def born(self) -> list[tuple[int, int, int]]:
        """Id, `created_at` and `updated_at` of every lead, by id."""
        return list(zip(self._ids, self._created, self._updated, strict=True))

    def newest_id(self) -> int:
        """The greatest id so far, 0 if there is none."""
        return self._ids[-1] if self._ids else 0

    def _write(self, version: LeadVersion) -> None:
        place = bisect_left(self._ids, version.id)
        if place < len(self._ids) and self._ids[place] == version.id:
            self._created[place] = version.created_at
            self._updated[place] = version.updated_at
            self._revisions[place] = version.revision
            self._states[place] = version.state
        else:
            self._ids.insert(place, version.id)
            self._created.insert(place, version.created_at)
            self._updated.insert(place, version.updated_at)
            self._revisions.insert(place, version.revision)
            self._states.insert(place, version.state)

    def _unlist(self, lead_id: int) -> None:
        before = self.find(lead_id)
        if before and before.state in self._indexes:
            index = self._indexes[before.state]
            del index[bisect_left(index, _key(before.updated_at, lead_id))]

    def _list(self, version: LeadVersion) -> None:
        if version.state in self._indexes:
            index = self._indexes[version.state]
            key = _key(version.updated_at, version.id)
            index.insert(bisect_left(index, key), key)

    def _index(self) -> None:
        for state in self._indexes:
            self._indexes[state] = array("Q", sorted(
                _key(updated_at, lead_id)
                for lead_id, updated_at, each in zip(self._ids, self._updated, self._states, strict=True)
                if each == state
            ))  # fmt: skip


def _key(updated_at: int, lead_id: int) -> int:
    return (updated_at << _HALF) | lead_id


class _Ids(Sequence[int]):
    """A part of an index as a sequence of ids, forwards or backwards, without copying it."""

    def __init__(self, index: Sequence[int], part: range, *, descending: bool) -> None:
        self._index = index
        self._places = part[::-1] if descending else part

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            return [self._index[each] & _LOWER for each in self._places[place]]
        return self._index[self._places[place]] & _LOWER
