"""The page after those that cover what was requested, which shows that the list is in the requested order."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.gap_probe import page_over
from amocrm_assets.crm.pagination.order_check import too_many
from amocrm_assets.crm.pagination.query import CONFIRMATIONS, MIN_PAGE, OrderIgnored, PageMissing, TieExceedsPage

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page, RawRecord

# Fewer records may continue the previous page by chance. A page that begins within another one shows more.
MIN_RECORDS = 3
# So often it may not continue: users edit records, too. An unsorted list continues none of its pages.
MAX_APART = 9


class PageBehind:
    """Whether it was seen, and where to request it: it begins within the last page, so it is never empty.

    If only the first page of the list is needed, this is the second one. It has to continue the previous page: an
    unsorted list repeats other records of it than its last ones.
    """

    def __init__(self, *, newest_first: bool) -> None:
        self.is_seen = False
        self.end = 0  # the position up to which the previous pages reach
        self._start = 0  # the position where the last of them begins
        self._last: tuple[RawRecord, ...] = ()  # its records
        self._newest_first = newest_first
        self._newest = -inf if newest_first else inf  # that a first page contained
        self._missing = self._newer = self._apart = 0  # number of pages
        self._counts_again = self._asks_first = self._is_apart = False

    def next_page(self, limit: int, overlap: int) -> tuple[int, int]:
        """Page number and limit of the next page; deeper within the last page after each unsuccessful one."""
        if self._asks_first or self._counts_again:
            return page_over(0 if self._asks_first else self._start, limit)
        size = self.end - self._start
        start = self._start + max(size - overlap * 4 ** (self._missing + self._apart), size // 2 + 1)
        return page_over(start, limit) if start > limit else (2, start)

    def learn(self, position: int, page: Page, *, is_covered: bool) -> None:
        """Process a page with records. `is_covered`: the previous ones cover what was requested.

        Raises `PageMissing` if there is repeatedly no page after the last one, which remains as long;
        `OrderIgnored` if the page after it is repeatedly newer than the first page, or does not continue the last
        one; and `TieExceedsPage` if both are within one second.
        """
        end = position + page.size
        if position == 0:
            self._newest = max(self._newest, *page.times)
            self._asks_first = False
            self.is_seen |= page.size < MIN_PAGE  # the whole list
        if self._counts_again:
            self._count_again(position, end, page)
        elif is_covered and position > 0 and (end >= self.end or not page.has_next):
            self._request_page_behind(page)
        elif end > self.end or position == self._start:
            self._start, self.end, self._last = position, end, page.records

    def learn_nothing(self) -> None:
        """Process an empty page: records may have left the list, so its last page is counted again."""
        if self._counts_again:
            self._start //= 2
        self._counts_again = True

    def _request_page_behind(self, page: Page) -> None:
        # Records that were edited in the meantime come first. So those found here are now on the first page, too.
        newer = sum(record.updated_at > self._newest for record in page.records)
        self._asks_first = newer > too_many(page)
        self._newer += self._asks_first
        if self._newer > CONFIRMATIONS:
            raise OrderIgnored
        if self._asks_first:
            return
        if not self._newest_first or self._goes_on(page):
            self.is_seen = True
            return
        if len({record.updated_at for record in (*self._last, *page.records)}) == 1:
            raise TieExceedsPage  # within one second any order looks the same
        self._apart += 1
        if self._apart > MAX_APART:
            raise OrderIgnored
        self._counts_again = self._is_apart = True

    def _goes_on(self, page: Page) -> bool:
        """Whether a page, newest first, contains the last records of the previous page, and older ones."""
        first, last = page.records[0].updated_at, page.records[-1].updated_at
        if len(page.records) < MIN_RECORDS or not self._last or self._last[0].updated_at == last:
            return False
        known = {record.id for record in self._last}
        shown = {record.id for record in page.records}
        is_end = not page.has_next
        left_out = (
            record.id not in shown and record.updated_at < first and (is_end or record.updated_at > last)
            for record in self._last
        )
        oldest, newest = self._last[-1].updated_at, self._last[0].updated_at
        between = (record.id not in known and oldest < record.updated_at < newest for record in page.records)
        return not known.isdisjoint(shown) and not any(left_out) and not any(between)

    def _count_again(self, position: int, end: int, page: Page) -> None:
        if end >= self.end and not self._is_apart:
            # No record has left the list, so there must have been a page.
            self._missing += 1
            if self._missing > CONFIRMATIONS:
                raise PageMissing
        self._counts_again = self._is_apart = False
        self._start, self.end, self._last = position, end, page.records
