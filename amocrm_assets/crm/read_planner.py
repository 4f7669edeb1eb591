"""Which paginators read a window: slices side by side, a second by id, all without filters. Pure.

The planner answers one question (what to ask next, now that a permit is there) and learns from each page. Queries
are sent by `window_reader`; where slices are cut is in `slicing`, which odd pages are believed in `odd_pages`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.findings import (
    details_left_out,
    filters_ignored,
    only_deleted_ignored,
    only_deleted_mixed,
    records_unusable,
)
from amocrm_assets.crm.odd_pages import OddPages
from amocrm_assets.crm.pagination import (
    EditsTooFrequent,
    EndUnproven,
    KeysetPaginator,
    ListState,
    OrderIgnored,
    OverlappingPaginator,
    TieExceedsPage,
    end_unproven,
    order_unproven,
    unplaceable,
)
from amocrm_assets.crm.slicing import Slicer
from amocrm_assets.crm.traits import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from amocrm_assets.crm.findings import Finding
    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination import DenseRange, Oddity, Query
    from amocrm_assets.crm.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList

    Paginator = KeysetPaginator | OverlappingPaginator

# A page that spans so few seconds gives a good part of itself to the next one, which begins in its last second.
# Such stretches are read by id, where pages need to share one record only, so many pages' worth at a time.
DENSE_PAGE_SECONDS = 6
DENSE_PAGES = 40
# So often a list whose end could not be proven is read again from its beginning.
MAX_BEGUN_AGAIN = 3


@dataclass
class ReadCounts:
    """How the planner went about the window."""

    slices: int = 0
    tied_seconds: int = 0
    whole_account_scans: int = 0


class ReadPlanner:
    """Reads one window of the given record_lists. `traits` are beliefs to start from."""

    def __init__(
        self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits = UNKNOWN
    ) -> None:
        self.counts = ReadCounts()
        self.states = {record_list: ListState(record_list, traits) for record_list in record_lists}
        self._paginators: list[Paginator] = []
        self._finished: list[Paginator] = []
        self._again: deque[tuple[Paginator, Query]] = deque()
        # That filters are ignored is believed at the first answer of each list that shows it once more.
        self._odd_pages = OddPages(frozenset({"filter_ignored"} if traits.filters is False else ()))
        self._slicer = Slicer()
        self._reads_dense = True
        self._begun_again = 0
        for state in self.states.values():
            self._add(KeysetPaginator(state, window.from_at, window.to_at))

    @property
    def done(self) -> bool:
        """Whether every paginator has proven its part."""
        return not self._paginators

    @property
    def duplicates(self) -> int:
        """Records that came more than once."""
        return sum(paginator.seen.duplicates for paginator in self._all())

    @property
    def moved_out(self) -> int:
        """Records that were edited away between two pages."""
        return sum(paginator.seen.moved_out for paginator in self._all())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found out about the lists so far."""
        return tuple(finding for state in self.states.values() for finding in state.findings)

    def open_intervals(self) -> tuple[tuple[int, int], ...]:
        """The seconds of which records may still come."""
        return tuple(paginator.open_interval for paginator in self._paginators if paginator.open_interval)

    def next_query(self) -> tuple[Paginator, Query] | None:
        """What to ask now; None when only awaited answers can tell."""
        due = self._due()
        if due is None:
            return None
        paginator, query = due
        return paginator, replace(query, details=self.states[query.record_list].page_size.details)

    def _due(self) -> tuple[Paginator, Query] | None:
        while self._again:
            again = self._again.popleft()
            if again[0] in self._paginators:
                return again
        # The one that is furthest behind goes first: a day is finished only when every list has passed it.
        for paginator in sorted(self._paginators, key=_behind):
            if query := paginator.next_query():
                return paginator, query
        rest = self._slicer.split([each for each in self._paginators if isinstance(each, KeysetPaginator)])
        if rest is None:
            return None
        self._add(rest)
        due = rest.next_query()
        return (rest, due) if due else None

    def add_failure(self, paginator: Paginator, query: Query) -> None:
        """A page was not answered: lighter ones are asked for from now on."""
        self.states[query.record_list].page_size.failed(query.limit, details=query.details)
        if isinstance(paginator, KeysetPaginator):
            paginator.failed()
        else:
            paginator.failed(query)

    def add_page(self, paginator: Paginator, query: Query, page: Page) -> list[RawRecord]:
        """The new records of a page."""
        state = self.states[query.record_list]
        state.page_size.worked(query.limit)
        if state.record_list.details and not query.details:
            state.found(details_left_out(state.record_list))
        if paginator not in self._paginators:
            return []  # another way of reading has taken over; it will come past these records
        oddity, ask_again = self._odd_pages.judge(query, page)
        if ask_again:
            self._again.append((paginator, query))
            return []
        if oddity and (taken_over := self._believe(oddity, paginator, query, page)) is not None:
            return taken_over
        state.kind_proven = state.kind_proven or any(record.is_deleted for record in page.records)
        fresh = self._take(paginator, query, page)
        return [record for record in fresh if record.is_deleted] if query.record_list.only_deleted else fresh

    def _believe(self, oddity: Oddity, paginator: Paginator, query: Query, page: Page) -> list[RawRecord] | None:
        """Follow what came twice; None when the page is to be taken all the same."""
        state = self.states[query.record_list]
        match oddity:
            case "filter_ignored":
                state.found(filters_ignored(state.record_list))
                self._start_over(state, by_id=False)
            case "order_ignored":
                self._leave_order(paginator, query, OrderIgnored())
            case "kind_ignored" if not state.kind_proven:
                state.found(only_deleted_ignored(state.record_list))
                self._give_up(state)
            case "kind_ignored" | "kind_mixed":
                state.found(only_deleted_mixed(state.record_list))
                return None
            case "unusable":
                state.found(records_unusable(state.record_list, page.unusable))
                if page.size >= query.limit > 1 and not page.records:
                    raise unplaceable(query)
                return None
        return []

    def _take(self, paginator: Paginator, query: Query, page: Page) -> list[RawRecord]:
        state = self.states[query.record_list]
        try:
            fresh = self._fresh(paginator, query, page)
        except TieExceedsPage:
            self._start_over(state, by_id=True)
            return []
        except OrderIgnored as error:
            self._leave_order(paginator, query, error)
            return []
        if paginator.done and paginator in self._paginators:
            self._finish(paginator)
        return fresh

    def _fresh(self, paginator: Paginator, query: Query, page: Page) -> list[RawRecord]:
        if isinstance(paginator, OverlappingPaginator):
            try:
                return paginator.add_page(query, page)
            except EditsTooFrequent:
                self._read_by_key(paginator)
                return []
            except EndUnproven as error:
                self._begin_again(paginator, query, error)
                return []
        fresh, tie = paginator.add_page(query, page)
        if tie:
            self.counts.tied_seconds += 1
            self._add_by_id(paginator.state, tie)
        elif not paginator.done and self._reads_dense:
            self._read_dense(paginator)
        return fresh

    def _read_dense(self, paginator: KeysetPaginator) -> None:
        density, span = paginator.records_per_second, paginator.page_seconds
        if not density or not span or span > DENSE_PAGE_SECONDS:
            return
        seconds = DENSE_PAGES * span
        dense = paginator.hand_off(paginator.cursor + seconds - 1)
        self._add_by_id(paginator.state, dense, likely=int(density * seconds))

    def _add_by_id(self, state: ListState, dense: DenseRange, *, likely: int | None = None) -> None:
        self._add(
            OverlappingPaginator(
                state,
                "id asc",
                from_at=dense.from_at,
                to_at=dense.to_at,
                filtered=True,
                known=dense.known,
                likely=likely,
            )
        )

    def _start_over(self, state: ListState, *, by_id: bool) -> None:
        # What was proven stays proven; only what was still open is read in the other way.
        intervals = [each.open_interval for each in self._give_up(state) if each.open_interval]
        from_at, to_at = min(start for start, _ in intervals), max(end for _, end in intervals)
        self._add_unfiltered(state, from_at, to_at, "id asc" if by_id else "updated_at desc")

    def _add_unfiltered(
        self,
        state: ListState,
        from_at: int,
        to_at: int,
        order: Literal["id asc", "updated_at desc"],
        known: Mapping[int, int] | None = None,
    ) -> None:
        self.counts.whole_account_scans += order == "id asc"
        self._add(OverlappingPaginator(state, order, from_at=from_at, to_at=to_at, filtered=False, known=known))

    def _leave_order(self, paginator: Paginator, query: Query, error: OrderIgnored) -> None:
        """Go on without the order by id, which some lists do not know beside a filter, or fail."""
        if not (isinstance(paginator, OverlappingPaginator) and paginator.filtered):
            raise order_unproven(query, error) from error
        from_at, to_at = paginator.window
        if paginator.is_dense:
            self._read_by_key(paginator)
        else:  # a tie, which no key tells apart
            self._finish(paginator)
            self._add_unfiltered(paginator.state, from_at, to_at, "id asc", known=paginator.taken)

    def _read_by_key(self, paginator: OverlappingPaginator) -> None:
        """Read a dense stretch by key after all, and those to come."""
        self._reads_dense = False
        self._finish(paginator)
        self._add(KeysetPaginator(paginator.state, *paginator.window, known=paginator.taken))

    def _begin_again(self, paginator: OverlappingPaginator, query: Query, error: EndUnproven) -> None:
        """Records that leave a short list while it is read look like a list that does not show all of them."""
        self._begun_again += 1
        if self._begun_again <= MAX_BEGUN_AGAIN:
            self._finish(paginator)
            self._add(paginator.begun_again())
        elif paginator.order == "id asc":
            raise end_unproven(query, len(paginator.taken)) from error
        else:
            # In the order of time a list may end in a second that no page shows from both sides; no id is shared.
            self._begun_again = 0
            self._start_over(paginator.state, by_id=True)

    def _give_up(self, state: ListState) -> list[Paginator]:
        given_up = [paginator for paginator in self._paginators if paginator.state is state]
        self._paginators = [paginator for paginator in self._paginators if paginator not in given_up]
        self._finished += given_up
        return given_up

    def _finish(self, paginator: Paginator) -> None:
        self._paginators.remove(paginator)
        self._finished.append(paginator)

    def _add(self, paginator: Paginator) -> None:
        self.counts.slices += isinstance(paginator, KeysetPaginator)
        self._paginators.append(paginator)

    def _all(self) -> Iterator[Paginator]:
        yield from self._paginators
        yield from self._finished


def _behind(paginator: Paginator) -> int:
    if isinstance(paginator, OverlappingPaginator) and paginator.filtered:
        # Whoever goes on behind it asks once first: another such stretch may follow, and fill the next permits.
        return paginator.window[1] + 1
    return paginator.open_interval[0] if paginator.open_interval else 0
