"""What all paginators of one list share: what they believe of it, and what they found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.findings import FindingLog
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT, PageSize
from amocrm_assets.crm.pagination.query import MIN_PAGE
from amocrm_assets.crm.pagination.traits import UNKNOWN

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Query
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.entities import RecordList


class ListState(FindingLog):
    """One list of an account during one reading."""

    def __init__(self, record_list: RecordList, traits: AccountTraits = UNKNOWN) -> None:
        super().__init__()
        self.record_list = record_list
        self.page_size = PageSize(traits.max_limit, details=bool(record_list.details))
        # A belief; each continuation verifies it, and each first page asks from a second earlier.
        self.from_is_inclusive = traits.from_is_inclusive is not False
        # Whether a record was seen that proves that `with=only_deleted` is honoured; always so for live records.
        self.kind_proven = not record_list.only_deleted
        # Whether two pages by number were seen to fit to each other, as those of a sorted list do.
        self.order_seen = False
        # Whether two pages did not: after that no slice vouches for another one.
        self.order_doubted = False
        # Whether a page without `_links.next` was followed by more, so that the lack of it says nothing here.
        self.next_is_missing = False
        # Whether the server gives smaller pages than asked for, as seen by one that names a next page.
        self.is_capped = False
        self._longest_page = 0  # in records, of those that came in answer to questions by time

    def learn_size(self, query: Query, page: Page) -> None:
        """How long pages are, by one in answer to a question by time."""
        self._longest_page = max(self._longest_page, page.size)
        self.is_capped |= page.has_next and MIN_PAGE <= page.size < query.limit

    @property
    def has_small_pages(self) -> bool:
        """Whether pages are smaller than in an ordinary account: by the server's own measure, or by faults."""
        return self.is_capped or self.page_size.limit < PAGE_LIMIT

    def may_be_cut_off(self, page: Page) -> bool:
        """Whether a page that names no next one may be a part of its list all the same.

        Lists stop at some depth, servers have a largest page: this one was never seen to show more records.
        """
        return page.size >= max(MIN_PAGE, self._longest_page)
