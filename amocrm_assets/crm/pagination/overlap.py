"""The walk by page numbers, where a list cannot be walked by key: overlaps prove that nothing is missing."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.interval_set import IntervalSet
from amocrm_assets.crm.pagination.query import (
    CONFIRMATIONS,
    PAGE_LIMIT,
    EditsTooFrequent,
    PageStats,
    Query,
    TieExceedsPage,
    validate_page,
)
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.query import Order, RecordList

# Pages in vain for one gap before a walk gives up: the list moves faster than it can be read.
MAX_PROBES = 100
# In the order of time, a gap that outlasts so many is a second that no single page reaches across. A dense stretch
# with such a gap can be walked by key.
MAX_PROBES_BEFORE_FALLBACK = 12


class OverlappingPaginator:
    """Walks by page numbers, several pages at once, until the pages provably cover what was asked for.

    A page is a run without gaps of the list as it was at one moment. In the order of ids, it holds every lead
    between its first and its last id; in the order of time, every lead of the seconds strictly between. A lead
    that nobody touches keeps its place in that order whatever the others do. So where these intervals leave no
    gap between them, no untouched lead is missing, in whatever order and however long apart they were asked.
    """

    def __init__(
        self,
        record_list: RecordList,
        order: Literal["updated_at desc", "id asc"],
        *,
        from_at: int,
        to_at: int,
        filtered: bool,
        known: Iterable[int] = (),
        likely: int | None = None,
    ) -> None:
        self.record_list = record_list
        self.order: Order = order
        self.window = (from_at, to_at)
        self.seen = PageStats()
        self.filtered = filtered
        self._by_id = order == "id asc"
        # What must be covered, in keys that grow along the list: ids, or seconds counted backwards.
        self._cover = IntervalSet(None, None) if self._by_id else IntervalSet(-to_at, -from_at)
        self.taken = dict.fromkeys(known, from_at)
        self._likely = likely
        self._ahead_to: float = inf if likely is None else likely
        self._limit = PAGE_LIMIT
        self._next_position = 0
        self._end_seen = False
        self._awaited = 0
        self._answers = 0
        self._empty_starts = 0
        self._probe: _Probe | None = None

    @property
    def done(self) -> bool:
        """Whether all that was asked for is covered."""
        return self._cover.complete

    @property
    def open_interval(self) -> tuple[int, int] | None:
        """The seconds of which leads may still come."""
        if self.done:
            return None
        if self._by_id:
            return self.window
        return self.window[0], -self._cover.covered_from_start - 1

    def next_query(self) -> Query | None:
        """What to ask next; None when answers must be awaited first."""
        if self.done:
            return None
        if not self._end_seen:
            return self._query_ahead()
        return self._query_gap()

    def add_page(self, query: Query, page: Page) -> list[RawRecord]:
        """The new leads of a page. Raises what `validate_page` does, `TieExceedsPage` and `EditsTooFrequent`."""
        self._awaited -= 1
        self._answers += 1
        keys = [self._key(lead) for lead in page.leads]
        validate_page(query, page.leads, keys)
        self._learn_limit(query, page)
        self._learn_length(query, page)
        self._learn_cover(query, page, keys)
        return self._fresh(page.leads)

    def _query_ahead(self) -> Query | None:
        # One page more in flight for each answer: a short list costs no needless questions. Nor shall a long one
        # at its end, where that can be foreseen.
        if self._awaited > (self._answers if self._next_position < self._ahead_to else 0):
            return None
        number, limit = page_over(self._next_position, self._limit)
        self._next_position = max(number * limit - self._overlap, self._next_position + 1)
        return self._send(number, limit)

    def _query_gap(self) -> Query | None:
        if self._awaited:
            return None
        gap = self._cover.first_gap()
        if self._probe is None or self._probe.gap != gap:
            self._probe = _Probe(gap, self._cover.position_before(gap), self._limit)
        self._probe.tries += 1
        if self._probe.tries > MAX_PROBES:
            raise ReadingUnproven(
                f"Reading {self.record_list} by page number",
                cause=f"its pages would not overlap, {MAX_PROBES} times in a row: leads are being changed "
                "faster than they can be read.",
                fix="Materialise the day again when fewer leads are being changed.",
            )
        number, limit = page_over(self._probe.position, self._limit)
        return self._send(number, limit)

    def _send(self, number: int, limit: int) -> Query:
        self._awaited += 1
        from_at, to_at = self.window if self.filtered else (None, None)
        return Query(self.record_list, self.order, from_at, to_at, page=number, limit=limit)

    def _learn_limit(self, query: Query, page: Page) -> None:
        if page.has_next and len(page.leads) < min(query.limit, self._limit):
            # The server gives smaller pages than asked for, so its page numbers count in them.
            self._limit = len(page.leads)
            self._probe = None
            self._next_position = len(page.leads) - self._overlap if query.page == 1 else 0

    def _learn_length(self, query: Query, page: Page) -> None:
        end = query.page * query.limit
        if self._likely is not None and page.has_next and end >= self._ahead_to:
            # Longer than was likely, so it may be longer by as much again.
            self._ahead_to = 2 * end - self._likely

    def _learn_cover(self, query: Query, page: Page, keys: list[int]) -> None:
        position = (query.page - 1) * min(query.limit, self._limit)
        if not page.leads:
            self._end_seen = True
            if query.page == 1:
                # There were leads, or nobody would read by page number.
                self._empty_starts += 1
                if self._empty_starts > CONFIRMATIONS:
                    self._cover.add(None, None, end_position=0)
            elif self._probe:
                self._probe.learn_nothing()
            return
        # Strictly between the first and the last second; at the ends other leads may share the second.
        inset = 0 if self._by_id else 1
        low = None if position == 0 else keys[0] + inset
        high = None if not page.has_next else keys[-1] - inset
        if low is not None and high is not None and low > high and self._matters(keys):
            raise TieExceedsPage
        if self._probe:
            self._probe.learn(low, high, position, len(keys))
        self._cover.add(low, high, end_position=position + len(keys))
        self._end_seen |= not page.has_next or self._cover.is_behind(keys[-1])
        if self._probe and self._probe.tries >= MAX_PROBES_BEFORE_FALLBACK and not self.done:
            self._take_the_way_out()

    def _take_the_way_out(self) -> None:
        if not self._by_id:
            raise TieExceedsPage
        if self._likely is not None:
            raise EditsTooFrequent

    def _matters(self, keys: list[int]) -> bool:
        return -self.window[1] <= keys[-1] and keys[0] <= -self.window[0]

    def _fresh(self, leads: Iterable[RawRecord]) -> list[RawRecord]:
        from_at, to_at = self.window
        inside = [lead for lead in leads if from_at <= lead.updated_at <= to_at]
        fresh = [lead for lead in inside if self.taken.get(lead.id) != lead.updated_at]
        self.taken.update((lead.id, lead.updated_at) for lead in fresh)
        self.seen.duplicates += len(inside) - len(fresh)
        return fresh

    def _key(self, lead: RawRecord) -> int:
        return lead.id if self._by_id else -lead.updated_at

    @property
    def _overlap(self) -> int:
        # Ids are unique, so one shared lead closes a seam; seconds need a whole one on both sides of it.
        return min(1 if self._by_id else 5, self._limit - 1)


class _Probe:
    """Looks for the page that covers a gap, by what the pages near it show."""

    def __init__(self, gap: int, position: int, limit: int) -> None:
        self.gap = gap
        self.tries = 0
        # Closer to the end of a page than a fifth of it, `page_over` finds one that reaches behind.
        self._overlap = self._back = max(1, min(8, limit // 5))
        self._empty_answers = 0
        self.position = max(0, position - self._back)

    def learn_nothing(self) -> None:
        self._empty_answers += 1
        if self._empty_answers % CONFIRMATIONS == 0:  # once is nothing to go by
            self.go_back()

    def go_back(self) -> None:
        self._back *= 2
        self.position = max(0, self.position - self._back)

    def learn(self, low: int | None, high: int | None, position: int, count: int) -> None:
        if low is not None and low > self.gap:
            self.go_back()
        elif high is not None and high < self.gap:
            self.position = max(position + count - self._overlap, self.position + 1)


def page_over(position: int, limit_max: int) -> tuple[int, int]:
    """The page number and limit whose page holds `position` and reaches furthest behind it.

    Page numbers only reach multiples of the limit; a slightly smaller limit shifts the grid.
    """
    limits = range(max(1, limit_max * 4 // 5), limit_max + 1)
    limit = max(limits, key=lambda limit: (position // limit + 1) * limit)
    return position // limit + 1, limit
