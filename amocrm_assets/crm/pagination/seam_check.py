"""Behind which pages of keyset pagination a seam is asked for, and what follows from what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.query import CONFIRMATIONS, OrderIgnored, PageMissing
from amocrm_assets.crm.pagination.seam import Seam, ends_apart

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Query

# By so many more may seams be broken than fit, and so many in a row be empty: people and imports move records,
# too. A list in no order breaks most of them, and a server without second pages empties each.
MAX_MOVED = 9

Verdict = Literal["in order", "look again", "read by id"]


class SeamCheck:
    """Whether one slice of a list was seen to be in order.

    A slice of an ordinary list shows one seam. A server whose pages are smaller than asked for is no ordinary one:
    there each seam that can be had without another request is looked at.
    """

    def __init__(self, state: ListState) -> None:
        self._state = state
        self._is_seen = False
        self._in_vain = 0  # in a row
        self._broken = 0  # by so many more than fit

    def seam_behind(self, query: Query, page: Page, *, begin: int) -> Seam | None:
        """The seam to ask for behind a page that others follow."""
        if query.page > 1 or (self._is_seen and not self._state.is_capped and not ends_apart(page)):
            return None
        seam = Seam.behind(query, page, begin=begin, tries=self._in_vain + self._broken)
        return None if seam and seam.is_crowded and self._state.order_seen else seam

    def seam_behind_end(self, query: Query, page: Page, *, begin: int) -> Seam | None:
        """The seam to ask for behind a page that reaches behind the slice and may be a part of its list."""
        if query.page > 1 or (self._state.order_seen and not ends_apart(page)):
            return None
        return Seam.behind(query, page, begin=begin, tries=self._in_vain + self._broken)

    def assess(self, seam: Seam, page: Page) -> Verdict:
        """What follows from a seam's page. One that is broken once may be so by records that somebody moved.

        For each that is broken one has to fit before the slice counts as in order: a list in no order may show one
        that fits by chance. Raises `OrderIgnored` where most are broken, `PageMissing` where all are empty.
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
        return "read by id"  # by id, pages meet whatever is edited
