"""Which parts of a window are read by id, for lists that cannot be sorted by time, such as tasks. Pure.

Each part is a closed interval of seconds, read by overlapping pages in the order of ids (`overlap`): an edit
removes a record from the middle of it, and the overlaps prove that no record is between two pages. A long window
is cut into parts, so that its first days are finished before its last ones are read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import OverlappingPaginator
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination import ListState
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.entities import RecordList

_DAY_SECONDS = 86_400
# For a list of which nothing was read yet: a week takes a few pages in most accounts.
FIRST_PART_SECONDS = 7 * _DAY_SECONDS
# What a part should contain. Its ends take three requests, which is little compared with so many pages; and no day
# of it is finished until its last page has been received.
PART_RECORDS = 5_000
MAX_PART_SECONDS = 92 * _DAY_SECONDS
# Parts read at a time: while one waits for the proof of its end, the next ones use the permits.
MAX_PARTS = 3


class ByIdPlanner(ReadPlanner):
    """Reads one window of the given lists by id."""

    def __init__(
        self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits = UNKNOWN
    ) -> None:
        # What no paginator has yet, and what the finished ones read: records and seconds.
        self._rest: dict[ListState, Window] = {}
        self._parts: list[OverlappingPaginator] = []
        # Whether filters work was probed with leads, where it depends on the account's plan; here it does not.
        super().__init__(window, record_lists, replace(traits, filters=None))

    @property
    def done(self) -> bool:
        """Whether every part was read."""
        return super().done and not self._rest

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds whose records are not complete yet."""
        return (*super().open_intervals, *self._rest.values())

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the planner's work on the window; its slices are the parts."""
        return super().counts | {"slices": len(self._parts)}

    def _begin(self, state: ListState, window: Window) -> None:
        self._rest[state] = window

    def _next_part(self) -> OverlappingPaginator | None:
        if len(self.paginators) >= MAX_PARTS:
            return None
        for state, rest in self._rest.items():
            end = min(rest.from_at + self._part_seconds(state) - 1, rest.to_at)
            if end < rest.to_at:
                self._rest[state] = Window(end + 1, rest.to_at)
            else:
                del self._rest[state]
            return self._part(state, Window(rest.from_at, end))
        return None

    def _part(self, state: ListState, window: Window) -> OverlappingPaginator:
        part = OverlappingPaginator(state, "id asc", window, filtered=True)
        self._parts.append(part)
        return part

    def _part_seconds(self, state: ListState) -> int:
        """How long the next part should be, from the number of records in the finished ones."""
        finished = [each for each in self._parts if each.state is state and each.done]
        records = sum(len(each.returned) for each in finished)
        seconds = sum(each.window.to_at - each.window.from_at + 1 for each in finished)
        if not seconds:
            return FIRST_PART_SECONDS
        return max(_DAY_SECONDS, min(PART_RECORDS * seconds // max(records, 1), MAX_PART_SECONDS))

    def _start_over(self, state: ListState, *, by_id: bool) -> None:  # noqa: ARG002  # there is no other order
        if rest := self._rest.pop(state, None):
            self.paginators.add(self._part(state, rest))
        super()._start_over(state, by_id=True)
