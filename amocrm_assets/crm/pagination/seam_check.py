"""After which pages of keyset pagination a seam is requested, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.query import CONFIRMATIONS, OrderIgnored, PageMissing
from amocrm_assets.crm.pagination.seam import Seam, ends_apart

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Query

# This many more seams may be broken than closed, and this many in a row be empty: users and imports move records,
# too. In an unsorted list most are broken, and with a server without second pages each is empty.
MAX_MOVED = 9

Verdict = Literal["in order", "look again", "read by id"]


class SeamCheck:
    """Whether the order of one slice of a list is verified.

    For a slice of a normal list one seam is requested. If the server's pages are smaller than requested, each seam
    is checked that takes no additional request.
    """

    def __init__(self, state: ListState) -> None:
        self._state = state
        self._is_seen = False
        self._in_vain = 0  # in a row
        self._broken = 0  # more than were closed

    def seam_behind(self, query: Query, page: Page, *, begin: int) -> Seam | None:
        """The seam to request after a page that others follow."""
        if query.page > 1 or (self._is_seen and not self._state.is_capped and not ends_apart(page)):
            return None
        seam = Seam.behind(query, page, begin=begin, tries=self._in_vain + self._broken)
        return None if seam and seam.is_crowded and self._state.order_seen else seam

    def seam_behind_end(self, query: Query, page: Page, *, begin: int) -> Seam | None:
        """The seam to request after a page that reaches beyond the slice and may be a part of its list."""
        if query.page > 1 or (self._state.order_seen and not ends_apart(page)):
            return None
        return Seam.behind(query, page, begin=begin, tries=self._in_vain + self._broken)

    def assess(self, seam: Seam, page: Page) -> Verdict:
        """What follows from a seam's page. A single broken one may be due to records that a user moved.

        For each broken one another has to be closed before the slice counts as sorted: an unsorted list may close
        one by chance. Raises `OrderIgnored` if most are broken, `PageMissing` if all are empty.
        """
        if seam.is_broken_by(page):
            return self._doubt()
        if seam.is_missed_by(page):
            return self._miss(page)
        self._in_vain = 0
        if self._broken > 1:
            self._broken -= 1
            return "look again"
        self._is_seen, self._broken = True, 0
        self._state.order_seen |= not self._state.order_doubted and seam.is_closed_by(page, seam.last)
        return "in order"

    def _doubt(self) -> Verdict:
        self._state.order_doubted, self._state.order_seen = True, False
        self._broken += 1
        if self._broken > MAX_MOVED:
            raise OrderIgnored
        return "look again"

    def _miss(self, page: Page) -> Verdict:
        self._in_vain += 1
        if self._in_vain <= (CONFIRMATIONS if page.records else MAX_MOVED):
            return "look again"
        if not page.records:
            raise PageMissing
        return "read by id"  # by id, pages meet regardless of edits
