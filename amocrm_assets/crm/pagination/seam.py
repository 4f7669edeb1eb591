"""The seam between a first page and the second one by number: it shows whether a list as a whole is sorted.

A list that is sorted only within each page looks sorted if one always requests page 1 after the last record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from amocrm_assets.crm.pagination.query import MIN_PAGE

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.query import Query

# Records before the last second that both pages contain. So many may leave between the two responses.
OVERLAPS = (1, 10, 50)
# The seam is in the last part of the page: first in the last fifth, and then where more records may leave.
EARLIEST = ((4, 5), (3, 5), (3, 5))
# The last record in this many at the end of a page should not take more than a third of its time.
LAST_RECORDS, MAX_SHARE_OF_TIME = 25, 3


@dataclass(frozen=True)
class Seam:
    """The second page of a query whose first page is known, requested so that the two share the last seconds.

    `begin` is the first second of the first page; until the seam is seen, nothing of it is proven.
    """

    first: Query
    page: Page
    start: int
    begin: int

    @classmethod
    def behind(cls, query: Query, page: Page, *, begin: int, tries: int = 0) -> Self | None:
        """The seam after a first page, further within it after each unsuccessful one; None if none fits."""
        if page.size < MIN_PAGE or page.unusable:
            return None  # the whole list, whatever its links say (see MIN_PAGE), or one without some positions
        last = page.records[-1].updated_at
        # One more than the last second's records, so that the second page is seen to begin before it. Where that
        # is a large part of the page the seam is within it: a second page that began earlier would not reach it.
        tries = min(tries, len(OVERLAPS) - 1)
        part, whole = EARLIEST[tries]
        start = max(
            sum(record.updated_at < last for record in page.records) - OVERLAPS[tries],
            len(page.records) * part // whole,
        )
        return cls(query, page, start, begin)

    @property
    def last(self) -> int:
        """The last second of the first page."""
        return self.page.records[-1].updated_at

    @property
    def is_crowded(self) -> bool:
        """Whether it is within the last second, so that the second page is not the next one to be read."""
        return self.page.records[self.start].updated_at == self.last

    def query(self, to_at: int) -> Query:
        """The query for the second page, of the same list or a longer one; page numbers count in limits."""
        return replace(self.first, to_at=max(to_at, self.first.to_at or to_at), page=2, limit=self.start)

    def is_broken_by(self, page: Page) -> bool:
        """Whether the second page contains what belongs before it, or differs where the two overlap."""
        start_at = self.page.records[self.start].updated_at
        return (
            any(record.updated_at < start_at for record in page.records)
            or any(record.updated_at >= start_at for record in self.strays(page))
            or self._lacks_records(page)
        )

    def is_missed_by(self, page: Page) -> bool:
        """Whether the second page contains nothing of the first, so that records may be between the two.

        Records of a crowded second have no order.
        """
        if self.is_crowded:
            return not page.records
        known = {record.id for record in self.page.records}
        return not any(record.id in known for record in page.records)

    def _lacks_records(self, page: Page) -> bool:
        """Whether records of the first page are missing between those of the second one."""
        if not page.records:
            return False
        first, last = page.records[0].updated_at, page.records[-1].updated_at
        shown = {record.id for record in page.records}
        return any(
            record.id not in shown
            and first < record.updated_at
            and (record.updated_at < last or not page.has_next)
            for record in self.page.records
        )

    def strays(self, page: Page) -> list[RawRecord]:
        """Records of the second page that belong on the first one."""
        known = {record.id for record in self.page.records}
        return [record for record in page.records if record.updated_at < self.last and record.id not in known]

    def is_closed_by(self, page: Page, cursor: int) -> bool:
        """Whether the page begins before the cursor's second and ends after it, so that it contains all of it."""
        return bool(page.records) and page.records[0].updated_at < cursor < page.records[-1].updated_at


def ends_apart(page: Page) -> bool:
    """Whether the last records of a page are much later than the others.

    A misplaced record is. Pagination that continues from it would skip what is between.
    """
    seconds = [record.updated_at for record in page.records]
    if len(seconds) < MIN_PAGE:
        return False
    last_records = len(seconds) // LAST_RECORDS + 2
    return (seconds[-1] - seconds[-last_records]) * MAX_SHARE_OF_TIME > seconds[-1] - seconds[0]
