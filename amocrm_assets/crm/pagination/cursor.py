"""The cursor of keyset pagination: its second, the records already returned, and the second to request from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.query import Query

NO_RECORDS: frozenset[int] = frozenset()


class Cursor:
    """A second before which all records were returned, and the returned records that may come again."""

    def __init__(self, state: ListState, second: int, known: Mapping[int, int]) -> None:
        self.second = second
        self._state = state
        self._known = known  # records already returned, with their seconds
        self._records = NO_RECORDS  # those of the second that were returned
        # It is undocumented whether `from` is inclusive, so a first page is requested from the second before.
        self._reach = 1
        self._is_left_out = False  # the second before, which then is certainly not needed

    @property
    def from_at(self) -> int:
        """The second to request from."""
        return self.second - self._reach

    @property
    def returned(self) -> dict[int, int]:
        """Records already returned that may come again, with their seconds."""
        return {**self._known, **dict.fromkeys(self._records, self.second)}

    def move_to(self, second: int, records: frozenset[int] = NO_RECORDS) -> None:
        """Continue from a second of which these records were returned."""
        if second <= self.second:
            self._known = self.returned  # they may come again
        self.second, self._records = second, records
        self._reach = 0 if records and self._state.from_is_inclusive else 1
        self._is_left_out = False

    def leave_out_second_before(self) -> int:
        """Request from its own second on; returns how many of its records may have moved out.

        The second before it fills a page, which proves that `from` is inclusive.
        """
        left = len(self._records)
        self._records, self._reach, self._is_left_out = NO_RECORDS, 0, True
        return left

    def know(self, records: Iterable[RawRecord]) -> None:
        """Add records that were returned, wherever they are."""
        self._known = {**self._known, **{record.id: record.updated_at for record in records}}

    def fresh(self, records: Iterable[RawRecord]) -> list[RawRecord]:
        """The records that were not returned yet."""
        return [
            record
            for record in records
            if not (self._holds(record) or self._known.get(record.id) == record.updated_at)
        ]

    def learn_from(self, query: Query, page: Page) -> None:
        """Learn from a page whether `from` is inclusive."""
        if any(record.updated_at == query.from_at for record in page.records):
            self._state.from_is_inclusive = True
        elif self._reach and any(self._holds(record) for record in page.records):
            # Requested from their own second, these records were missing; from the second before, they are there.
            self._state.from_is_inclusive = False

    def reach_back(self) -> bool:
        """Request from the second before; returns whether that is a change."""
        if self._reach or self._is_left_out:
            return False
        self._reach = 1
        return True

    def misses_all(self, records: Iterable[RawRecord]) -> bool:
        """Whether a page has no record of this second, though it was requested: edited, or excluded by `from`."""
        return not self._reach and bool(self._records) and not any(self._holds(record) for record in records)

    def moved_out(self, records: Sequence[RawRecord]) -> int:
        """How many records of this second are missing from a page."""
        return len(self._records - {record.id for record in records if record.updated_at == self.second})

    def _holds(self, record: RawRecord) -> bool:
        return record.updated_at == self.second and record.id in self._records
