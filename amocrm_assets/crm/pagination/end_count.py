"""The last page of a list counted from its other end: whether it has all records, its first ones included. Pure.

A page that lacks some of its records is otherwise like a whole one. If its list is reversed, and as many records
are skipped as the page has but for its first ones, exactly these first ones are left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from amocrm_assets.crm.pagination.page_size import STEPS

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Query

# So many first records, and at most a third of the page. Three would come together by chance in one of hundreds of
# lists that are not sorted.
MIN_FIRST_RECORDS, MAX_FIRST_RECORDS, MAX_SHARE_OF_PAGE = 3, 10, 3


@dataclass(frozen=True)
class EndCount:
    """The request for the first records of a `page`, from the other end. `begin` is the first second it proves."""

    first: Query
    page: Page
    begin: int
    size: int

    @classmethod
    def of(cls, query: Query, page: Page, *, begin: int) -> Self | None:
        """The count of the page of a query; None if too few records are left, or no position separates them."""
        if query.page > 1 or page.unusable:
            return None
        times = page.times
        # A request for so few records that it could not be made smaller would not be given up if it is too slow.
        max_size = min(page.size // MAX_SHARE_OF_PAGE, MAX_FIRST_RECORDS, page.size - STEPS[-1] - 1)
        # Records of one second may have another order in the reversed list.
        sizes = (size for size in range(max_size, MIN_FIRST_RECORDS - 1, -1) if times[size - 1] < times[size])
        size = next(sizes, None)
        return cls(query, page, begin, size) if size else None

    def query(self, to_at: int) -> Query:  # noqa: ARG002  # of the same seconds, even if the slice has fewer now
        """The query for the first records."""
        return replace(self.first, order="updated_at desc", page=2, limit=self.page.size - self.size)

    def is_confirmed_by(self, page: Page) -> bool:
        """Whether a page has exactly the first records: none is missing on the page that was counted."""
        first = [(record.updated_at, record.id) for record in self.page.records[: self.size]]
        shown = [(record.updated_at, record.id) for record in page.records]
        is_sorted = page.times == sorted(page.times, reverse=True)
        return is_sorted and not page.unusable and sorted(shown) == sorted(first)

    def is_extended_by(self, page: Page) -> bool:
        """Whether a page has records that the counted one lacks."""
        known = {record.id for record in self.page.records}
        return any(record.id not in known for record in page.records)
