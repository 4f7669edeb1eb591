"""The end of a list in the order of `updated_at`: it is not believed because one answer names no next page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.cursor import NO_RECORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.cursor import Cursor
    from amocrm_assets.crm.pagination.pages import Page, RawRecord

# A question about the end asks for the records that are known there, and so many more.
ROOM_BEHIND_END = 5


class ListEnd:
    """Whether the next question is only asked to see whether the list ends, and where the doubt began.

    Everything from `begin` on is unproven while `is_asked`.
    """

    def __init__(self, begin: int) -> None:
        self.is_asked = False
        self.begin = begin
        self._is_said = False  # by the answer before this one
        self._records = 0

    def limit(self, limit: int) -> int:
        """How many records to ask for at most."""
        return min(limit, self._records + ROOM_BEHIND_END) if self.is_asked else limit

    def is_said_twice(self, page: Page) -> bool:
        """Whether this answer and the one before name no next page."""
        before, self._is_said = self._is_said, not page.has_next
        return before and self._is_said

    def forget(self) -> None:
        """Ask for whole pages again."""
        self.is_asked = self._is_said = False

    def ask_from(self, cursor: Cursor, page: Page, records: Sequence[RawRecord], *, is_part: bool) -> bool:
        """Move the cursor to the second from which on to ask once more; False where no second tells more.

        `records` are the page's that are in the window. The last one's second tells whether others follow. Where
        the page may be a part of its list (`is_part`), its records may be any of a list in no order: without those
        of its first second, such a list shows others in their place, and so does one that stops at some depth.
        """
        if not self.is_asked:
            self.begin = cursor.second
        second, given = _second_to_ask(records, is_part=is_part and not self.is_asked) or (
            cursor.second,
            NO_RECORDS,
        )
        cursor.move_to(second, given)
        self.is_asked = True
        self._records = sum(record.updated_at >= cursor.from_at for record in page.records)
        return not (is_part and records and second == records[0].updated_at)


def _second_to_ask(records: Sequence[RawRecord], *, is_part: bool) -> tuple[int, frozenset[int]] | None:
    """The second to request from, and the records of it that were returned."""
    if not records:
        return None
    first, last = records[0].updated_at, records[-1].updated_at
    if is_part:
        # Nobody documents whether `from` holds its own second, so the second behind the first one is left out.
        later = (record.updated_at for record in records if record.updated_at > first + 1)
        return min(later, default=first), NO_RECORDS
    return last, frozenset(record.id for record in records if record.updated_at == last)
