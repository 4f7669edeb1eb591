"""The end of a list sorted by `updated_at`: one response without a next page does not prove it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.cursor import NO_RECORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.cursor import Cursor
    from amocrm_assets.crm.pagination.pages import Page, RawRecord

# A query about the end requests the records that are known there, and this many more.
ROOM_BEHIND_END = 5
# A slice also requests this many records after its end: seeing one of them proves that none before is missing.
RECORDS_BEHIND_END = 5
MAX_SECONDS_BEHIND_END = 3600


def seconds_behind_end(records_per_second: float | None) -> int:
    """How many seconds to request behind the end of a slice."""
    if not records_per_second:
        return 0
    return min(MAX_SECONDS_BEHIND_END, ceil(RECORDS_BEHIND_END / records_per_second))


class ListEnd:
    """Whether the next query only verifies that the list ends, and from where on this is unproven.

    Everything from `begin` on is unproven while `is_requested`. `part_is_due`: the query is for all of that, and
    one without its first second has to follow.
    """

    def __init__(self, begin: int) -> None:
        self.is_requested = self.part_is_due = False
        self.begin = begin
        self._was_last_page = False  # by the previous response
        self._records = 0

    def limit(self, limit: int) -> int:
        """The maximum number of records to request."""
        return min(limit, self._records + ROOM_BEHIND_END) if self.is_requested else limit

    def is_confirmed(self, page: Page) -> bool:
        """Whether neither this response nor the previous one has a next page."""
        before, self._was_last_page = self._was_last_page, not page.has_next
        return before and self._was_last_page

    def forget(self) -> None:
        """Request whole pages again."""
        self.is_requested = self.part_is_due = self._was_last_page = False

    def restart_from(
        self, cursor: Cursor, page: Page, records: Sequence[RawRecord], *, is_part: bool, is_counted: bool = False
    ) -> bool:
        """Move the cursor to the second from which to request once more; False if no second would prove more.

        `records` are those of the page that are in the window. First, all of them are requested again, since one
        response may lack any of them; then those from the second of the last one on. If the page may be a part of
        its list (`is_part`), its records may be arbitrary ones of an unsorted list: without those of its first
        second, such a list shows others instead, as does one that stops at some depth. After a count that showed
        no other records (`is_counted`), this is the first request.
        """
        is_first, is_part = not self.is_requested, is_part or self.part_is_due
        if is_first:
            self.begin = cursor.second
        here = cursor.second, NO_RECORDS
        later = _restart_second(records, is_part=is_part and (is_first or self.part_is_due)) or here
        proves_more = not (is_part and records and later[0] == records[0].updated_at)
        is_whole = is_first and proves_more and not (is_part and is_counted)
        self.part_is_due = is_part and is_whole
        if not is_whole:
            cursor.move_to(*later)
        self.is_requested = True
        self._records = sum(record.updated_at >= cursor.from_at for record in page.records)
        return proves_more


def _restart_second(records: Sequence[RawRecord], *, is_part: bool) -> tuple[int, frozenset[int]] | None:
    """The second to request from, and the records of it that were returned."""
    if not records:
        return None
    first, last = records[0].updated_at, records[-1].updated_at
    if is_part:
        # It is undocumented whether `from` is inclusive, so the second after the first one is not used.
        later = (record.updated_at for record in records if record.updated_at > first + 1)
        return min(later, default=first), NO_RECORDS
    return last, frozenset(record.id for record in records if record.updated_at == last)
