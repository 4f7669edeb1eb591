"""Changes of records in order of time, from which the events are computed on request.

Only numbers are stored, since there are years of them; the lead before and after a change is computed from its
revisions. For the form of events see `events`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.history import Change
    from amocrm_assets.sandbox.account.table import LeadVersion

Json = dict[str, Any]

# Properties of a version, which are not content that is set.
COLUMNS = frozenset({"created_at", "updated_at"})


class LoggedChange(NamedTuple):
    """One change: revisions of the record and numbers of manual edits, before and after.

    `lead_id` is the id of a contact, a company, a task or a note in the logs of those.

    `number` distinguishes changes of one second.
    """

    at: int
    number: int
    lead_id: int
    change: Change
    revision: int
    base: int
    sets: int
    base_sets: int


class ChangeLog:
    """Changes in order of time, and the values that were set manually."""

    def __init__(self) -> None:
        self._done: list[LoggedChange] = []
        self._sets: dict[int, list[Json]] = {}

    def __len__(self) -> int:
        return len(self._done)

    def clear(self) -> None:
        """Remove everything."""
        self._done.clear()
        self._sets.clear()

    def note(
        self, at: int, after: LeadVersion, change: Change, values: Json | None = None, *, base: int | None = None
    ) -> None:
        """Add a change: the lead after it, and the `values` that were set.

        `base` is the revision before the change; by default the previous one.
        """
        lead_id, revision = after.id, after.revision
        before = len(self._sets.get(lead_id, ()))
        if kept := {name: value for name, value in (values or {}).items() if name not in COLUMNS}:
            self._sets.setdefault(lead_id, []).append(kept)
        # A deletion is a revision too; a restored record is compared with its state before the deletion.
        if base is None:
            base = max(revision - (2 if change == "restored" else 1), 0)
        done = LoggedChange(at, len(self._done), lead_id, change, revision, base, before + bool(kept), before)
        if not self._done or self._done[-1].at <= at:
            self._done.append(done)
        else:
            insort(self._done, done)

    def between(self, since: int, until: int, *, newest_first: bool) -> Iterator[LoggedChange]:
        """The changes of a closed interval of seconds."""
        begin = bisect_left(self._done, since, key=lambda done: done.at)
        end = bisect_right(self._done, until, key=lambda done: done.at)
        places = range(begin, end)
        return (self._done[place] for place in (reversed(places) if newest_first else places))

    def set_by_hand(self, lead_id: int, count: int | None = None) -> Json:
        """The values set by the first `count` manual edits, or by all."""
        values: Json = {}
        for each in self._sets.get(lead_id, ())[:count]:
            values |= each
        return values
