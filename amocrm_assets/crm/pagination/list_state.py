"""What all paginators of one list share: assumptions about it, and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.findings import FindingLog
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT, PageSize
from amocrm_assets.crm.pagination.query import MIN_PAGE
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.crm.pagination.unreturned import Unreturned
from amocrm_assets.days import MAX_AT

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Query
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.entities import RecordList


class ListState(FindingLog):
    """One list of an account during one reading."""

    def __init__(self, record_list: RecordList, traits: AccountTraits = UNKNOWN, *, to_at: int = MAX_AT) -> None:
        super().__init__()
        self.record_list = record_list
        self.to_at = to_at  # the last second that is read
        self.page_size = PageSize(traits.max_limit, details=bool(record_list.details))
        # An assumption; each continuation verifies it, and each first page is requested from a second earlier.
        self.from_is_inclusive = traits.from_is_inclusive is not False
        # Whether a record proved that `with=only_deleted` works; always true for live records.
        self.kind_proven = not record_list.only_deleted
        # Whether two pages by number continued each other, as those of a sorted list do.
        self.order_seen = False
        # Whether two pages did not: after that the order of one slice proves nothing about another one.
        self.order_doubted = False
        # Whether more followed a page without `_links.next`, so that its absence proves nothing here.
        self.next_is_missing = False
        # Whether the server returns smaller pages than requested, shown by such a page with a next one.
        self.is_capped = False
        self.unreturned = Unreturned()
        self._longest_page = 0  # in records, of the responses to queries by time

    def learn_size(self, query: Query, page: Page) -> None:
        """Learn the length of pages from a response to a query by time."""
        self._longest_page = max(self._longest_page, page.size)
        self.is_capped |= page.has_next and MIN_PAGE <= page.size < query.limit

    @property
    def has_small_pages(self) -> bool:
        """Whether pages are smaller than usual: limited by the server, or reduced after failures."""
        return self.is_capped or self.page_size.limit < PAGE_LIMIT

    def may_be_cut_off(self, page: Page) -> bool:
        """Whether a page without a next one may still be only a part of its list.

        Lists stop at some depth, and servers have a maximum page size: no page with more records was seen.
        """
        return page.size >= max(MIN_PAGE, self._longest_page)
