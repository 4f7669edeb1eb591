"""Behind which pages of a walk by `updated_at` a seam is asked for, and what follows from what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.query import CONFIRMATIONS, OrderIgnored, SecondPageMissing
from amocrm_assets.crm.pagination.seam import Seam, ends_apart

if TYPE_CHECKING:
    from amocrm_assets.crm.pages import Page
    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.query import Query

# Seams in a row that records moved by people, or by an import, may break. A list in no order breaks each of them.
MAX_BROKEN = 5

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

    def seam_behind(self, query: Query, page: Page, *, begin: int) -> Seam | None:
        """The seam to ask for behind a page that others follow."""
        if query.page > 1 or (self._is_seen and not self._state.is_capped and not ends_apart(page)):
            return None
        seam = Seam.behind(query, page, begin=begin, tries=self._in_vain)
        return None if seam and seam.is_crowded and self._state.order_seen else seam

    def seam_behind_end(self, query: Query, page: Page, *, begin: int) -> Seam | None:
        """The seam to ask for behind a page that reaches behind the slice and may be a part of its list."""
        if query.page > 1 or (self._state.order_seen and not ends_apart(page)):
            return None
        return Seam.behind(query, page, begin=begin, tries=self._in_vain)

    def judge(self, seam: Seam, page: Page) -> Verdict:
        """What follows from a seam's page. One that is broken once may be so by leads that somebody moved.

        Raises `OrderIgnored` for one that stays broken, `SecondPageMissing` for one that stays empty.
        """
        is_broken = seam.is_broken_by(page)
        if is_broken:
            self._state.order_doubted, self._state.order_seen = True, False
        elif not seam.is_missed_by(page):
            self._is_seen, self._in_vain = True, 0
            self._state.order_seen |= not self._state.order_doubted and seam.is_closed_by(page, seam.last)
            return "in order"
        self._in_vain += 1
        if self._in_vain <= (MAX_BROKEN if is_broken else CONFIRMATIONS):
            return "look again"
        if is_broken:
            raise OrderIgnored
        if not page.leads:
            raise SecondPageMissing
        return "read by id"  # by id, pages meet whatever is edited
