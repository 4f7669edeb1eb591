"""What was done to records, in order of time: enough to tell each event of it when somebody asks.

Numbers only, since years of them are kept from the start; what a lead looked like before and after is invented
again from its revisions. How events look is known in `events`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.history import Deed
    from amocrm_assets.sandbox.account.table import LeadVersion

Json = dict[str, Any]

# What is kept of a version and is no content that a person sets.
COLUMNS = frozenset({"created_at", "updated_at"})


class Done(NamedTuple):
    """One deed. The record went from one revision to another, and from so many changes by hand to as many.

    `lead_id` is the id of a contact, a company, a task or a note in the logs of those.

    `number` tells the deeds of one second apart.
    """

    at: int
    number: int
    lead_id: int
    deed: Deed
    revision: int
    base: int
    sets: int
    base_sets: int


class DeedLog:
    """Deeds in order of time, and the values that were set by hand."""

    def __init__(self) -> None:
        self._done: list[Done] = []
        self._sets: dict[int, list[Json]] = {}

    def __len__(self) -> int:
        return len(self._done)

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._sets.clear()

    def note(
        self, at: int, after: LeadVersion, deed: Deed, values: Json | None = None, *, base: int | None = None
    ) -> None:
        """Something was done: the lead as it is after it, and the `values` that were set.

        `base` is the revision that it went from, the one before unless it is given.
        """
        lead_id, revision = after.id, after.revision
        before = len(self._sets.get(lead_id, ()))
        if kept := {name: value for name, value in (values or {}).items() if name not in COLUMNS}:
            self._sets.setdefault(lead_id, []).append(kept)
        # A deletion is a revision too; what comes back from the trash is compared with what went there.
        if base is None:
            base = max(revision - (2 if deed == "restored" else 1), 0)
        done = Done(at, len(self._done), lead_id, deed, revision, base, before + bool(kept), before)
        if not self._done or self._done[-1].at <= at:
            self._done.append(done)
        else:
            insort(self._done, done)

    def between(self, since: int, until: int, *, newest_first: bool) -> Iterator[Done]:
        """The deeds of a closed interval of seconds."""
        begin = bisect_left(self._done, since, key=lambda done: done.at)
        end = bisect_right(self._done, until, key=lambda done: done.at)
        places = range(begin, end)
        return (self._done[place] for place in (reversed(places) if newest_first else places))

    def set_by_hand(self, lead_id: int, count: int | None = None) -> Json:
        """What the first so many changes by hand set, or all of them."""
        values: Json = {}
        for each in self._sets.get(lead_id, ())[:count]:
            values |= each
        return values
