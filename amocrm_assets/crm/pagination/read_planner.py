"""Which paginators read a window: several slices at a time, a second by id, or everything without filters. Pure.

The planner decides one thing (the next query, whenever there is a permit) and learns from each page. Queries are
sent by `window_reader`; slices are cut in `slicing`, `empty_pages` and `odd_pages` decide which pages are
believed, and `paginator_set` replaces one paginator by another.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import (
    EditsTooFrequent,
    EndUnproven,
    KeysetPaginator,
    ListState,
    OrderIgnored,
    OverlappingPaginator,
    TieExceedsPage,
    order_unproven,
    unplaceable,
)
from amocrm_assets.crm.pagination.emptiness import Newest
from amocrm_assets.crm.pagination.empty_pages import EmptyPages, Witness
from amocrm_assets.crm.pagination.findings import (
    details_left_out,
    filters_ignored,
    only_deleted_ignored,
    only_deleted_mixed,
    records_unusable,
)
from amocrm_assets.crm.pagination.odd_pages import OddPages
from amocrm_assets.crm.pagination.own_records import own_records
from amocrm_assets.crm.pagination.pages import parse_page
from amocrm_assets.crm.pagination.paginator_set import PaginatorSet
from amocrm_assets.crm.pagination.progress_guard import ProgressGuard
from amocrm_assets.crm.pagination.query import MIN_PAGE, newest_of
from amocrm_assets.crm.pagination.slicing import Slicer
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.crm.pagination.unreturned import UnreturnedCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination import Oddity, Query
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList

    Paginator = KeysetPaginator | OverlappingPaginator | UnreturnedCheck
    Due = tuple[Paginator | Newest | Witness, Query]


class ReadPlanner:
    """Reads one window of the given `record_lists`. `traits` are its initial assumptions."""

    def __init__(
        self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits = UNKNOWN
    ) -> None:
        self.states = {each: ListState(each, traits, to_at=window.to_at) for each in record_lists}
        self.paginators = PaginatorSet()
        self._again: deque[tuple[Paginator, Query]] = deque()
        # That filters are ignored is accepted at the first response of each list that shows it again.
        self._odd_pages = OddPages(frozenset({"filter_ignored"} if traits.filters is False else ()))
        self._empty_pages = EmptyPages(newest_of)
        self._slicer = Slicer(window.to_at)
        self._progress = ProgressGuard()
        for state in self.states.values():
            self._begin(state, window)

    def _begin(self, state: ListState, window: Window) -> None:
        """Start the first paginator of a list; lists of other kinds start differently."""
        self.paginators.add(KeysetPaginator(state, window.from_at, window.to_at))

    @property
    def done(self) -> bool:
        """Whether every paginator has proven its part."""
        return not self.paginators

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings about the lists so far."""
        return tuple(finding for state in self.states.values() for finding in state.findings)

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds whose records are not complete yet."""
        unreturned = (self.paginators.unreturned_interval(state) for state in self.states.values())
        return (*self.paginators.open_intervals, *(each for each in unreturned if each))

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the planner's work on the window, by their names in the metadata."""
        return self.paginators.counts_by_name

    def parse(self, query: Query, response: Response) -> Page:
        """The page in a response."""
        return parse_page(response, embedded=query.record_list.embedded)

    def next_query(self) -> Due | None:
        """The next query; None if it depends on responses that have not arrived."""
        due = self._due()
        if due is None:
            return None
        part, query = due
        if not isinstance(part, Newest | Witness):
            query = replace(query, details=part.state.page_size.details)
        return part, self._empty_pages.send(query)

    def _due(self) -> Due | None:
        self._again.extend(self._empty_pages.pop_repeatable())
        while self._again:
            again = self._again.popleft()
            if again[0] in self.paginators:
                return again
        if newest := self._empty_pages.next_newest_until() or self._empty_pages.next_newest():
            return newest
        for paginator in self.paginators.furthest_behind_first():
            if query := paginator.next_query():
                return paginator, query
        if witness := self._empty_pages.next_witness():
            return witness
        if rest := self._next_part():
            self.paginators.add(rest)
            query = rest.next_query()
            return (rest, query) if query else None
        return None

    def _next_part(self) -> Paginator | None:
        """One more paginator, while the active ones wait for their responses."""
        slices = (each for each in self.paginators if isinstance(each, KeysetPaginator))
        return self._slicer.split(self._empty_pages.without_doubtful(slices))

    def add_failure(self, paginator: Paginator | Newest, query: Query) -> None:
        """A page failed: smaller ones are requested from now on."""
        self._empty_pages.received(paginator, query)
        if isinstance(paginator, Newest):
            self._empty_pages.add_newest(paginator, query, None)
            return
        self.states[query.record_list].page_size.failed(query.limit, details=query.details)
        if isinstance(paginator, OverlappingPaginator):
            paginator.failed(query)
        else:
            paginator.failed()

    def add_page(self, part: Paginator | Newest | Witness, query: Query, page: Page) -> list[RawRecord]:
        """The new records of a page."""
        self._empty_pages.received(part, query)
        if isinstance(part, Newest):
            self._empty_pages.add_newest(part, query, page)
            return self._use_believed()
        if isinstance(part, Witness):
            return self._add_witness(part, query, page)
        state = part.state
        state.page_size.worked(query.limit)
        if state.record_list.details and not query.details:
            state.found(details_left_out(state.record_list))
        if part not in self.paginators:
            return []  # another paginator has replaced it, and will read these records
        oddity, needs_retry = self._odd_pages.assess(query, page)
        if needs_retry:
            self._again.append((part, query))
            return []
        # Pages by number continue behind the end of the list, and are empty there.
        may_be_empty = query.page > 1 and query.order != "updated_at asc"
        if self._empty_pages.holds_back(part, query, page, may_be_empty=may_be_empty):
            return []
        return self._use(part, query, page, oddity)

    def _add_witness(self, witness: Witness, query: Query, page: Page) -> list[RawRecord]:
        # Only an account that ignores `with=only_deleted` shows itself by one record, which it may do every time.
        oddity, needs_retry = self._odd_pages.assess(query, page)
        if oddity == "kind_ignored" and needs_retry:
            return []
        self._empty_pages.holds_back(witness, query, page)
        if oddity == "kind_ignored":
            self._accept_oddity(oddity, witness, query, page)
        return self._use_believed()

    def _use_believed(self) -> list[RawRecord]:
        believed = [each for each in self._empty_pages.pop_believed() if each[0] in self.paginators]
        return [record for part, query, page in believed for record in self._use(part, query, page, None)]

    def _use(self, paginator: Paginator, query: Query, page: Page, oddity: Oddity | None) -> list[RawRecord]:
        state = paginator.state
        if oddity and (taken_over := self._accept_oddity(oddity, paginator, query, page)) is not None:
            return taken_over
        state.kind_proven = state.kind_proven or any(record.is_deleted for record in page.records)
        fresh = self._add_records(paginator, query, page)
        self._progress.check(query, fresh, tuple(each.progress for each in self.paginators))
        return own_records(state, fresh)

    def _accept_oddity(
        self, oddity: Oddity, part: Paginator | Witness, query: Query, page: Page
    ) -> list[RawRecord] | None:
        """React to an oddity that came twice; None if the page is to be used nevertheless."""
        state = self.states[query.record_list]
        match oddity:
            case "filter_ignored":
                state.found(filters_ignored(state.record_list))
                self._start_over(state, by_id=False)
            case "order_ignored":
                self._leave_order(part, query, OrderIgnored())
            case "kind_ignored" if not state.kind_proven:
                state.found(only_deleted_ignored(state.record_list))
                self.paginators.give_up(state)
            case "kind_ignored" | "kind_mixed":
                state.found(only_deleted_mixed(state.record_list))
                return None
            case "unusable":
                state.found(records_unusable(state.record_list, page.unusable))
                if not page.records and page.size >= (MIN_PAGE if page.has_next else query.limit):
                    raise unplaceable(query)
                return None
        return []

    def _add_records(self, paginator: Paginator, query: Query, page: Page) -> list[RawRecord]:
        state = self.states[query.record_list]
        try:
            fresh = self._fresh(paginator, query, page)
        except TieExceedsPage:
            self._start_over(state, by_id=True)
            return []
        except OrderIgnored as error:
            self._leave_order(paginator, query, error)
            return []
        if paginator.done and paginator in self.paginators:
            self.paginators.finish(paginator)
            self.paginators.check_unreturned(paginator)
        return fresh

    def _fresh(self, paginator: Paginator, query: Query, page: Page) -> list[RawRecord]:
        if isinstance(paginator, UnreturnedCheck):
            return paginator.add_page(query, page)
        if isinstance(paginator, OverlappingPaginator):
            try:
                return paginator.add_page(query, page)
            except EditsTooFrequent:
                self.paginators.read_by_key(paginator)
                return []
            except EndUnproven as error:
                self.paginators.begin_again(paginator, query, error)
                return []
        fresh, tie = paginator.add_page(query, page)
        if tie:
            self.paginators.counts.tied_seconds += 1
            self.paginators.add_by_id(paginator.state, tie)
        elif not paginator.done:
            self.paginators.read_dense(paginator)
        return fresh

    def _leave_order(self, paginator: Paginator | Witness, query: Query, error: OrderIgnored) -> None:
        """Continue without the order by id, which some lists do not support together with a filter, or fail."""
        if not (isinstance(paginator, OverlappingPaginator) and paginator.filtered):
            raise order_unproven(query, error) from error
        if paginator.is_dense:
            self.paginators.read_by_key(paginator)
        else:
            # A tie, which no key can separate. Pagination of the whole account also passes every other one.
            self._start_over(paginator.state, by_id=True)

    def _start_over(self, state: ListState, *, by_id: bool) -> None:
        """Read a list as a whole, without filters."""
        self.paginators.start_over(state, by_id=by_id)
