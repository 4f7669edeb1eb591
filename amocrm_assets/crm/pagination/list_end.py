"""The end of a list that is walked by `updated_at`: it is not believed because one answer names no next page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.cursor import NO_LEADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.cursor import Cursor

# A question about the end asks for the leads that are known there, and so many more.
ROOM_BEHIND_END = 5


class ListEnd:
    """Whether the next question is only asked to see whether the list ends, and where the doubt began.

    Everything from `begin` on is unproven while `is_asked`.
    """

    def __init__(self, begin: int) -> None:
        self.is_asked = False
        self.begin = begin
        self._is_said = False  # by the answer before this one
        self._leads = 0

    def limit(self, limit: int) -> int:
        """How many leads to ask for at most."""
        return min(limit, self._leads + ROOM_BEHIND_END) if self.is_asked else limit

    def is_said_twice(self, page: Page) -> bool:
        """Whether this answer and the one before name no next page."""
        before, self._is_said = self._is_said, not page.has_next
        return before and self._is_said

    def forget(self) -> None:
        """Ask for whole pages again."""
        self.is_asked = self._is_said = False

    def ask_from(self, cursor: Cursor, page: Page, leads: Sequence[RawRecord], *, is_part: bool) -> bool:
        """Move the cursor to the second from which on to ask once more; False where no second tells more.

        `leads` are the page's that lie in the window. The last one's second tells whether others follow. Where
        the page may be a part of its list (`is_part`), its leads may be any of a list in no order: without those
        of its first second, such a list shows others in their place, and so does one that stops at some depth.
        """
        if not self.is_asked:
            self.begin = cursor.second
        second, given = _second_to_ask(leads, is_part=is_part and not self.is_asked) or (cursor.second, NO_LEADS)
        cursor.move_to(second, given)
        self.is_asked = True
        self._leads = sum(lead.updated_at >= cursor.from_at for lead in page.leads)
        return not (is_part and leads and second == leads[0].updated_at)


def _second_to_ask(leads: Sequence[RawRecord], *, is_part: bool) -> tuple[int, frozenset[int]] | None:
    """From which second on to ask, and the leads of it that were given out."""
    if not leads:
        return None
    first, last = leads[0].updated_at, leads[-1].updated_at
    if is_part:
        # Nobody documents whether `from` holds its own second, so the second behind the first one is left out.
        return min((lead.updated_at for lead in leads if lead.updated_at > first + 1), default=first), NO_LEADS
    return last, frozenset(lead.id for lead in leads if lead.updated_at == last)
