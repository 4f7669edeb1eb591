"""The page behind those that cover what was asked for, which shows that a list goes on in the order asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.gap_probe import page_over
from amocrm_assets.crm.pagination.order_check import too_many
from amocrm_assets.crm.pagination.query import CONFIRMATIONS, MIN_PAGE, OrderIgnored, PageMissing

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page


class PageBehind:
    """Whether it was seen, and where to ask for it: it begins within the last page, so it is never empty.

    Where the first page is all of the list that is needed, this is the second one.
    """

    def __init__(self, *, newest_first: bool) -> None:
        self.is_seen = False
        self.end = 0  # so many records the pages before reach to
        self._start = 0  # where the last of them begins
        self._newest: float = 0 if newest_first else float("inf")  # that a first page has shown
        self._missing = self._newer = 0  # so many pages
        self._counts_again = self._asks_first = False

    def next_page(self, limit: int, overlap: int) -> tuple[int, int]:
        """Page number and limit of what to look at next; deeper within the last page after each one in vain."""
        if self._asks_first or self._counts_again:
            return page_over(0 if self._asks_first else self._start, limit)
        size = self.end - self._start
        start = self._start + max(size - overlap * 4**self._missing, size // 2 + 1)
        return page_over(start, limit) if start > limit else (2, start)

    def learn(self, position: int, page: Page, *, is_covered: bool) -> None:
        """Take note of a page that holds records. `is_covered`: those before it cover what was asked for.

        Raises `PageMissing` when there is none behind, time and again, and the last one stays as long, and
        `OrderIgnored` when what is behind stays newer than the first page.
        """
        end = position + page.size
        if position == 0:
            self._newest = max(self._newest, *(record.updated_at for record in page.records), 0)
            self._asks_first = False
            self.is_seen |= page.size < MIN_PAGE  # the whole list
        if self._counts_again:
            self._count_again(position, end)
        elif is_covered and position > 0 and (end >= self.end or not page.has_next):
            self._look_behind(page)
        elif end > self.end or position == self._start:
            self._start, self.end = position, end

    def learn_nothing(self) -> None:
        """Take note of an empty one: records may have left, so the last page that is left is counted again."""
        if self._counts_again:
            self._start //= 2
        self._counts_again = True

    def _look_behind(self, page: Page) -> None:
        # Records that were edited meanwhile come first. So many of them further on are on the first page now, too.
        newer = sum(record.updated_at > self._newest for record in page.records)
        self._asks_first = newer > too_many(page)
        self.is_seen |= not self._asks_first
        self._newer += self._asks_first
        if self._newer > CONFIRMATIONS:
            raise OrderIgnored

    def _count_again(self, position: int, end: int) -> None:
        if end >= self.end:
            # No record has left the list, so there should have been a page.
            self._missing += 1
            if self._missing > CONFIRMATIONS:
                raise PageMissing
        self._counts_again = False
        self._start, self.end = position, end
