"""What all slices of one appended list share: what is known about its pages, bounds and oddities. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.findings import (
    FindingLog,
    count_differs,
    next_on_last_page,
    records_unusable,
    types_ignored,
)
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT, PageSize
from amocrm_assets.crm.pagination.query import MIN_PAGE
from amocrm_assets.crm.pagination.traits import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedQuery, AppendedRecord
    from amocrm_assets.crm.pagination.pages import Unusable
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList


class AppendedState(FindingLog):
    """One list of an account during one reading."""

    def __init__(self, record_list: RecordList, traits: AccountTraits = UNKNOWN) -> None:
        super().__init__()
        self.record_list = record_list
        self.duplicates = self.tied_seconds = 0
        # An assumption: the first page that is cut off below its limit replaces it with the documented size.
        self._max_limit = traits.max_limit or record_list.max_limit or PAGE_LIMIT
        self._page_size = PageSize(self._max_limit)
        # Whether bounds are inclusive is not documented: until a record shows it, one more second is requested.
        self._from_is_inclusive = self._to_is_inclusive = False
        # The number of records of the longest page: requests of at most so many are certainly honoured.
        self.longest_page = 0

    @property
    def limit(self) -> int:
        """The number of records to request."""
        return min(self._page_size.limit, self._max_limit)

    @property
    def has_records(self) -> bool:
        """Whether any response contained records."""
        return self.longest_page > 0

    def bounds(self, from_at: int, to_at: int) -> tuple[int, int]:
        """The bounds to send for a closed interval of seconds."""
        return from_at - (not self._from_is_inclusive), to_at + (not self._to_is_inclusive)

    def failed(self, query: AppendedQuery) -> None:
        """A page failed: request smaller ones from now on."""
        self._page_size.failed(query.limit)

    def learn(self, query: AppendedQuery, page: AppendedPage) -> None:
        """Update what is known about the list from a page."""
        self._from_is_inclusive |= any(each.at == query.from_at for each in page.records)
        self._to_is_inclusive |= any(each.at == query.to_at for each in page.records)
        self.longest_page = max(self.longest_page, page.size)
        if page.has_next and page.size < query.limit:
            self._max_limit = min(self._max_limit, self.record_list.max_limit or self._max_limit)
        if not all(map(self.is_wanted, page.records)):
            self.found(types_ignored(self.record_list))

    def is_wanted(self, record: AppendedRecord) -> bool:
        """Whether a record is of a requested type; one without a type may be."""
        return not self.record_list.types or record.type is None or record.type in self.record_list.types

    def is_long(self, query: AppendedQuery, page: AppendedPage) -> bool:
        """Whether a page has the maximum length known here, as a part of a longer list has."""
        return page.size >= query.limit or page.size >= self.longest_page

    def may_be_cut_off(self, query: AppendedQuery, page: AppendedPage) -> bool:
        """Whether a page may be a part of its list: it has a next page, or no other page was longer."""
        return page.has_next or (page.size >= min(MIN_PAGE, query.limit) and self.is_long(query, page))

    def found_next_on_last_page(self) -> None:
        """Twice, a page had a next one that was empty."""
        self.found(next_on_last_page(self.record_list))

    def found_page_missing(self, window: Window) -> None:
        """Twice, a full page of these seconds had a next one that was empty: there may be more of them."""
        self.found(count_differs(self.record_list, window))

    def found_unusable(self, records: Sequence[Unusable]) -> None:
        """Twice, the same records had no id or no time."""
        self.found(records_unusable(self.record_list, records))
