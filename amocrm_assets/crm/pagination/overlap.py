"""Pagination by page number, if a list has no usable key: overlapping pages prove that nothing is missing."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.far_end import REVERSED, FarEnd
from amocrm_assets.crm.pagination.findings import next_on_last_page
from amocrm_assets.crm.pagination.gap_probe import GapProbe, page_over
from amocrm_assets.crm.pagination.interval_set import IntervalSet
from amocrm_assets.crm.pagination.order_check import OrderCheck
from amocrm_assets.crm.pagination.page_behind import PageBehind
from amocrm_assets.crm.pagination.query import (
    MIN_PAGE,
    EditsTooFrequent,
    EndUnproven,
    PageStats,
    Query,
    TieExceedsPage,
    pages_apart,
)
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.query import Order

# Unsuccessful pages for one gap before a paginator gives up.
MAX_PROBES = 100
MIN_EMPTY_STARTS = 5  # so often in a row the first page has to be empty, since it may be so by mistake
# In the order of time, a gap that remains after this many is a second longer than any page. A dense range with
# such a gap can be paginated by key.
MAX_PROBES_BEFORE_FALLBACK = 12


class OverlappingPaginator:
    """Reads pages by number, several at once, until they provably cover what was requested.

    A page is a contiguous part of the list at one moment. In the order of ids, it contains every record between
    its first and its last id; in the order of time, every record of the seconds strictly between. An unedited
    record keeps its place in that order whatever happens to the others. So if these intervals have no gap between
    them, no unedited record is missing, in whatever order and however far apart the pages were requested.

    One response without a next page, or an empty one, does not prove the end of a list: a page from its other end
    must meet what was read. So a list that stops at some depth is read from both ends.
    """

    def __init__(
        self,
        state: ListState,
        order: Literal["updated_at desc", "id asc"],
        window: Window,
        *,
        filtered: bool,
        known: Mapping[int, int] | None = None,
        likely: int | None = None,
    ) -> None:
        self.state = state
        self.order: Order = order
        self.window = window
        self.seen = PageStats()
        self.filtered = filtered
        self._by_id = order == "id asc"
        # What must be covered, in keys that increase along the list: ids, or seconds counted backwards.
        self._cover = IntervalSet(None, None) if self._by_id else IntervalSet(-window.to_at, -window.from_at)
        self.returned = dict(known or {})  # records already returned, with their seconds
        self._likely = likely
        self._ahead_to: float = inf if likely is None else likely
        self._cap: int | None = None  # the server's maximum page size, if it is smaller than what was requested
        self._end_seen = False
        self._next_position = self._awaited = self._answers = self._empty_starts = 0
        self._probe: GapProbe | None = None
        self._frontier: int | None = None  # the last key of the pages requested from the beginning
        # Strictly between the first and the last second; other records may share the seconds at a page's ends.
        self._inset = 0 if self._by_id else 1
        self._far_end = FarEnd(self._cover, inset=self._inset)
        self._order_check = OrderCheck(self._cover, self.window)
        # Pages cover what is between their ends only if the whole list is sorted, which the next page shows.
        self._page_behind = PageBehind(newest_first=not self._by_id)
        self._shown_to = self._cover.covered_from_start

    @property
    def done(self) -> bool:
        """Whether everything requested is covered, and one further page has shown that the list is sorted."""
        return self._cover.complete and self._page_behind.is_seen

    @property
    def open_interval(self) -> Window | None:
        """The seconds whose records are not complete yet."""
        if self.done:
            return None
        if self._by_id:
            return self.window
        return Window(self.window.from_at, max(self.window.from_at, -self._shown_to - 1))

    @property
    def progress(self) -> tuple[object, ...]:
        """A value that changes whenever a response has advanced this paginator."""
        return self._cover.first_gap(), self._frontier, self._far_end.position, self._page_behind.end

    @property
    def is_dense(self) -> bool:
        """Whether it reads a range of seconds that could also be read by key; a tie could not."""
        return self._likely is not None

    @property
    def _limit(self) -> int:
        limit = self.state.page_size.limit
        return limit if self._cap is None else min(limit, self._cap)

    def next_query(self) -> Query | None:
        """The next query; None if responses must arrive first."""
        if self.done:
            return None
        if self._cover.complete:
            behind = self._page_behind.next_page(self._limit, self._overlap)
            return None if self._awaited else self._send(*behind)
        if not self._end_seen:
            return self._query_ahead()
        return self._query_gap()

    def failed(self, query: Query) -> None:
        """The query failed; the same part of the list is requested with a smaller limit."""
        self._awaited -= 1
        if query.order == self.order:
            self._next_position = min(self._next_position, (query.page - 1) * query.limit)
        self._probe = None

    def add_page(self, query: Query, page: Page) -> list[RawRecord]:
        """The new records of a page. Raises one of the exceptions of `query`."""
        self._awaited -= 1
        self._answers += 1
        if query.order != self.order:
            self._learn_far_end(query, page)
        else:
            self._learn_limit(query, page)
            self._learn_length(query, page)
            self._learn_cover(query, page, query.keys(page))
        return self._fresh(page.records)

    def _query_ahead(self) -> Query | None:
        # One more page in flight for each response: a short list causes no unnecessary requests, nor does the end
        # of a long one, if it can be foreseen.
        if self._awaited > (self._answers if self._next_position < self._ahead_to else 0):
            return None
        number, limit = page_over(self._next_position, self._limit)
        self._next_position = max(number * limit - self._overlap, self._next_position + 1)
        return self._send(number, limit)

    def _query_gap(self) -> Query | None:
        if self._awaited:
            return None
        gap = self._cover.first_gap()
        if self._frontier is not None and gap >= self._frontier:
            return self._query_far_end()
        if self._probe is None or self._probe.gap != gap:
            self._probe = GapProbe(gap, self._cover.position_before(gap), self._limit)
        self._probe.tries += 1
        if self._probe.tries > MAX_PROBES:
            raise pages_apart(self.state.record_list, MAX_PROBES)
        number, limit = page_over(self._probe.position, self._limit)
        return self._send(number, limit)

    def _query_far_end(self) -> Query:
        number, limit = self._far_end.next_page(self._limit, self._overlap)
        return self._send(number, limit, REVERSED[self.order])

    def _send(self, number: int, limit: int, order: Order | None = None) -> Query:
        self._awaited += 1
        # It is undocumented whether a filter's bounds are inclusive: one more second on both sides is requested.
        low, high = (self.window.from_at - 1, self.window.to_at + 1) if self.filtered else (None, None)
        return Query(self.state.record_list, order or self.order, low, high, page=number, limit=limit)

    def _learn_limit(self, query: Query, page: Page) -> None:
        is_short = MIN_PAGE <= page.size < min(query.limit, self._limit)
        if page.has_next and is_short and not self._cover.complete:
            # The server returns smaller pages than requested, so its page numbers count in them.
            self._cap = page.size
            self._probe = None
            self._next_position = page.size - self._overlap if query.page == 1 else 0

    def _learn_length(self, query: Query, page: Page) -> None:
        end = query.page * query.limit
        if self._likely is not None and page.has_next and end >= self._ahead_to:
            # Longer than expected, so it may be longer by as much again.
            self._ahead_to = 2 * end - self._likely

    def _learn_cover(self, query: Query, page: Page, keys: list[int]) -> None:
        position = (query.page - 1) * min(query.limit, self._cap or query.limit)
        if not keys:
            self._learn_nothing(query, page)
            return
        self._empty_starts = 0
        if self._order_check.is_strange(page, keys, position):
            self._next_position = min(self._next_position, position)
            return
        bounds = self._order_check.bounds(page, keys)
        self._shown_to = self._cover.covered_from_start
        # By id the list is read to its end, after which there is no page: the second one shows its order.
        self._page_behind.learn(position, page, is_covered=self._by_id or self._cover.complete)
        low, high = None if position == 0 else bounds[0] + self._inset, bounds[1] - self._inset
        # The page that shows the order may be within one second, which cannot hide anything any more.
        in_window = Window(-keys[-1], -keys[0]).meets(self.window)
        if low is not None and low > high and page.has_next and in_window and not self.done:
            raise TieExceedsPage
        if self._probe:
            self._probe.learn(low, high, position, page.size)
        self._cover.add(low, high, end_position=position + page.size)
        self._frontier = high if self._frontier is None else max(self._frontier, high)
        self._end_seen |= not page.has_next or self._cover.is_behind(keys[-1])
        goes_round = self._probe and self._probe.tries >= MAX_PROBES_BEFORE_FALLBACK and not self.done
        if goes_round and (self.is_dense or not self._by_id):
            raise EditsTooFrequent if self._by_id else TieExceedsPage

    def _learn_nothing(self, query: Query, page: Page) -> None:
        self._end_seen = True
        if page.has_next:
            self.state.found(next_on_last_page(self.state.record_list))
        if query.page == 1:
            self._empty_starts += 1
            if self._empty_starts == MIN_EMPTY_STARTS:
                self._cover.add(None, None, end_position=0)
                self._page_behind.is_seen = True
        elif self._cover.complete:
            self._page_behind.learn_nothing()
        elif self._probe:
            self._probe.learn_nothing()

    def _learn_far_end(self, query: Query, page: Page) -> None:
        keys = [-key for key in query.keys(page)]
        if self._order_check.is_strange(page, keys):
            return
        bounds = self._order_check.bounds(page, keys) if keys else None
        if query.page == 1 and self._order_check.is_no_end(page, keys):
            self._far_end.learn_nothing()
        else:
            self._far_end.learn(query, page, bounds)
            if not self._by_id and not page.has_next and not self._cover.complete:
                raise TieExceedsPage  # a list that ends in a second that fills the page from both sides
        if self._far_end.is_exhausted and not self._cover.complete:
            raise EndUnproven

    def _fresh(self, records: Iterable[RawRecord]) -> list[RawRecord]:
        inside = [record for record in records if self.window.holds(record.updated_at)]
        fresh = [record for record in inside if self.returned.get(record.id) != record.updated_at]
        self.returned.update((record.id, record.updated_at) for record in fresh)
        self.seen.duplicates += len(inside) - len(fresh)
        if self.filtered:
            self.state.unreturned.learn_returned(fresh)
        return fresh

    @property
    def _overlap(self) -> int:
        # Ids are unique, so one shared record closes it; seconds need a complete one on both sides.
        return 1 if self._by_id else 5

    def begun_again(self) -> OverlappingPaginator:
        """A paginator of the same list and window that knows which records were already returned."""
        return OverlappingPaginator(
            self.state,
            "id asc" if self._by_id else "updated_at desc",
            self.window,
            filtered=self.filtered,
            known=self.returned,
            likely=self._likely,
        )
