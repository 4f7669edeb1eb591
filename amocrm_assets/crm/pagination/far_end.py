"""A list read from its other end, which proves that it ends where it seemed to end.

One response without a next page may be damaged, and some lists silently stop at some depth. If pages of
the reversed list meet what was read, there is nothing in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.gap_probe import page_over
from amocrm_assets.crm.pagination.query import CONFIRMATIONS, MIN_PAGE

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.interval_set import IntervalSet
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Order, Query

# The first page is a small one: it mostly meets what was read.
FIRST_LIMIT = 25

REVERSED: dict[Order, Order] = {"id asc": "id desc", "updated_at desc": "updated_at asc"}


class FarEnd:
    """Covers a list backwards from its end. `inset` is what a page does not cover at its ends, in keys."""

    def __init__(self, cover: IntervalSet, *, inset: int) -> None:
        self._cover = cover
        self._inset = inset
        self.position = 0  # number of records seen
        self._low: int | None = None  # down to here everything is covered
        self._in_vain = 0
        self._whole_pages = 0
        self._back = 0  # number of records between here and the end of the last page

    @property
    def is_exhausted(self) -> bool:
        """Whether several pages in a row contained nothing that was missing."""
        return self._in_vain > CONFIRMATIONS

    def next_page(self, limit: int, overlap: int) -> tuple[int, int]:
        """Page number and limit of the next page."""
        wanted = limit if self.position else min(FIRST_LIMIT, limit)
        number, limit = page_over(max(0, self.position - overlap - self._back), wanted)
        if number == 1 and self.position and not self._back:
            # No page of this size overlaps that much; with a smaller overlap there is one.
            number, limit = page_over(self.position - 1, wanted)
        return number, limit

    def learn_nothing(self) -> None:
        """Process a page that cannot be the end of the list as it was read."""
        self._in_vain += 1

    def learn(self, query: Query, page: Page, bounds: tuple[int, int] | None) -> None:
        """Cover a page of the reversed list within its `bounds`; the first one reaches to the end."""
        before = self._low
        if bounds:
            self._add((query.page - 1) * query.limit, len(page.records), bounds)
        progress = self._low is not None and (before is None or self._low < before)
        self._in_vain = 0 if progress else self._in_vain + 1
        # The list is no longer than this page, which is accepted after enough responses. With more records it is
        # not: if a list silently stops at some depth, each of its ends looks like that. Nor is an empty page: the
        # list was not empty when it was read from its beginning.
        is_whole = query.page == 1 and not page.has_next and 0 < page.size < min(query.limit, MIN_PAGE)
        self._whole_pages = self._whole_pages + 1 if is_whole else 0
        if self._whole_pages > CONFIRMATIONS:
            self._cover.add(None, None, end_position=0)

    def _add(self, position: int, records: int, bounds: tuple[int, int]) -> None:
        high = None if position == 0 else bounds[0] - self._inset
        if high is not None and self._low is not None and high + 1 < self._low:
            self._back += FIRST_LIMIT  # records have left the list in the meantime
            return
        self._low = bounds[1] + self._inset
        self._cover.add(self._low, high, end_position=0)
        self.position = position + records
        self._back = 0
