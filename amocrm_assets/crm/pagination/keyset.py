"""Keyset pagination by `updated_at`: an edit cannot make it skip an unedited record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.cursor import Cursor
from amocrm_assets.crm.pagination.end_count import EndCount
from amocrm_assets.crm.pagination.list_end import ListEnd, seconds_behind_end
from amocrm_assets.crm.pagination.query import DenseRange, PageStats, Query
from amocrm_assets.crm.pagination.seam import Seam, ends_apart
from amocrm_assets.crm.pagination.seam_check import SeamCheck
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import Page, RawRecord

    # The new records of a page, and the seconds at its end that must be read by id.
    Taken = tuple[list[RawRecord], DenseRange | None]

NOTHING_KNOWN: Mapping[int, int] = {}


class KeysetPaginator:
    """Reads `[cursor, to_at]` by `updated_at`; the next page begins in the second of the last record, inclusive.

    An edit moves a record to the right, so page 1 of the rest can never skip an unedited record. No single
    response ends the list: either a record after the end was seen, or two responses show that nothing follows.
    """

    def __init__(
        self,
        state: ListState,
        from_at: int,
        to_at: int,
        *,
        records_per_second: float | None = None,
        known: Mapping[int, int] = NOTHING_KNOWN,
    ) -> None:
        self.state = state
        self.from_at, self.to_at = from_at, to_at
        self.records_per_second = records_per_second
        self.page_seconds: int | None = None
        self.in_flight = self.done = False
        self.seen = PageStats()
        self._cursor = Cursor(state, from_at, known)
        self._empty_pages = 0
        self._page_seen = records_per_second is not None
        self._question: Seam | EndCount | None = None  # what is requested instead of the next page
        self._order = SeamCheck(state)
        self._ends_at_seam = self._is_passed_over = False
        self._end = ListEnd(from_at)
        self._counts_end = True

    @property
    def cursor(self) -> int:
        """The second in which the next page begins."""
        return self._cursor.second

    @property
    def open_interval(self) -> Window | None:
        """The seconds whose records are not complete yet."""
        if self.done:
            return None
        if self._question:
            return Window(self._question.begin, self.to_at)
        return Window(self._end.begin if self._end.is_requested else self.cursor, self.to_at)

    @property
    def progress(self) -> tuple[object, ...]:
        """A value that changes whenever a response has advanced this paginator."""
        return self.cursor, self.to_at, self._end.is_requested, type(self._question)

    @property
    def returned(self) -> dict[int, int]:
        """Records already returned that may come again, with their seconds."""
        return self._cursor.returned

    def next_query(self) -> Query | None:
        """The next query; None until the response has arrived, or when everything is read."""
        if self.in_flight or self.done:
            return None
        self.in_flight = True
        to_at = self.to_at + 1 + seconds_behind_end(self.records_per_second)
        if self._question:
            return self._question.query(to_at)
        limit = self._end.limit(self.state.page_size.limit)
        return Query(self.state.record_list, "updated_at asc", self._cursor.from_at, to_at, limit=limit)

    def failed(self) -> None:
        """The query failed; the next one has a smaller limit."""
        self.in_flight = False
        if isinstance(self._question, EndCount):
            page, self._question = self._question.page, None
            self._end.restart_from(self._cursor, page, self._own(page), is_part=self.state.may_be_cut_off(page))
        elif self._question:
            self._request_again(self._question)

    def add_page(self, query: Query, page: Page) -> Taken:
        """The new records of a page, and the tie at its end: a second that fills a whole page.

        An empty page was requested twice by then, see `empty_pages`. Raises `OrderIgnored` when two pages show
        that the list as a whole is not sorted.
        """
        self.in_flight = False
        # Those of other slices, too, which have to return them.
        ahead = [record for record in page.records if self.cursor <= record.updated_at <= self.state.to_at]
        received = self._cursor.fresh(ahead)
        fresh, dense = self._process(query, page)
        self.state.unreturned.learn(self, query, received, fresh)
        return fresh, dense

    def _process(self, query: Query, page: Page) -> Taken:
        self.state.learn_size(query, page)
        if isinstance(self._question, EndCount):
            return [], self._add_end_count(self._question, page)
        if self._question:
            return self._add_seam(self._question, query, page)
        self._cursor.learn_from(query, page)
        if self._is_doubtful(query, page):
            return [], None
        return self._advance(query, page)

    def split(self, start_at: int) -> KeysetPaginator:
        """Move everything from `start_at` on to a separate paginator."""
        rest = KeysetPaginator(
            self.state, start_at, self.to_at, records_per_second=self.records_per_second, known=self.returned
        )
        self.to_at = start_at - 1
        return rest

    def hand_off(self, to_at: int) -> DenseRange:
        """Leave everything up to `to_at` to another paginator, and the previous page if it is not proven yet."""
        if self._question and not self.state.order_seen:
            self._request_again(self._question)
        known = {record: at for record, at in self.returned.items() if at >= self.cursor}
        dense = DenseRange(self.cursor, min(to_at, self.to_at), known)
        self._cursor.move_to(dense.to_at + 1)
        self._question = None
        self._end.forget()
        self.records_per_second = self.page_seconds = None  # the density there says nothing about the rest
        self.done = self.cursor > self.to_at
        return dense

    def _is_doubtful(self, query: Query, page: Page) -> bool:
        """Whether to request it again before the response is accepted; sets from which second."""
        if not page.records:
            self._empty_pages += 1
            # An empty page that contradicts the one before it is requested once more than others.
            return self._cursor.reach_back() or self._empty_pages < 1 + self._page_seen
        if self._cursor.misses_all(page.records):
            self._cursor.reach_back()
            return True
        if page.records[0].updated_at > self.to_at and not self._is_passed_over:
            self._is_passed_over = True  # a page of another slice would show the same
            return True
        if page.records[-1].updated_at < self.cursor and self._has_more(query, page):
            self.seen.moved_out += self._cursor.leave_out_second_before()
            return True
        return False

    def _has_more(self, query: Query, page: Page) -> bool:
        """Whether a next page may exist: `_links.next` says so, the page is full, or neither proves anything."""
        proves_nothing = self.state.next_is_missing and page.records[-1].updated_at > self.cursor
        return proves_nothing or page.has_next or page.size >= query.limit

    def _advance(self, query: Query, page: Page) -> Taken:
        more = bool(page.records) and self._has_more(query, page)
        passed_end = bool(page.records) and page.records[-1].updated_at > self.to_at
        if self._end.is_requested and more and not passed_end:
            self._request_end_again()
            return [], None
        records = self._own(page)
        fresh = self._cursor.fresh(records)
        self._empty_pages = 0
        self.seen.duplicates += len(records) - len(fresh)
        if passed_end and not self._end.is_requested and (more or self.state.may_be_cut_off(page)):
            self._question = self._order.seam_behind_end(query, page, begin=self.cursor)
            self._ends_at_seam = self._question is not None
        if self._ends_at_seam:
            self._cursor.know(fresh)
            return fresh, None
        said_twice = self._end.is_confirmed(page) and not more and not fresh
        self.seen.moved_out += self._cursor.moved_out(records)
        may_be_part = self._end.part_is_due or self.state.may_be_cut_off(page)
        if said_twice and page.records and not passed_end and may_be_part:
            return [], self._restart_end(page) if self._end.part_is_due else self._hand_off_end()
        if passed_end or not page.records or said_twice:
            self.done = True  # a record after the end was seen, or twice nothing
            return fresh, None
        if more:
            return self._go_on(query, page, records, fresh)
        return fresh, self._doubt_end(query, page, fresh)

    def _go_on(self, query: Query, page: Page, records: list[RawRecord], fresh: list[RawRecord]) -> Taken:
        first, last, before = page.records[0].updated_at, page.records[-1].updated_at, self.cursor
        self._page_seen = True
        self.page_seconds = last - first + 1
        self.records_per_second = len(page.records) / self.page_seconds
        if first == last:
            if self.state.order_seen and last != self.cursor:
                self._cursor.move_to(last)  # nothing is before it
            return [], self.hand_off(last)
        self._cursor.move_to(last, frozenset(record.id for record in records if record.updated_at == last))
        self._question = self._order.seam_behind(query, page, begin=before)
        return fresh, None

    def _doubt_end(self, query: Query, page: Page, fresh: list[RawRecord]) -> DenseRange | None:
        """Count the page, or request once more: one response without a next page may be damaged."""
        self._cursor.know(self._own(page))
        if self._end.is_requested and fresh:
            self._request_end_again()
            return None
        if self._counts_end and not self._end.is_requested:
            self._question = EndCount.of(query, page, begin=self.cursor)
        return None if self._question else self._restart_end(page)

    def _add_end_count(self, count: EndCount, page: Page) -> DenseRange | None:
        self._question, self._counts_end = None, False
        self.done = count.is_confirmed_by(page)
        # With other records than those of the counted page, that one is requested again.
        is_over = self.done or count.is_extended_by(page)
        return None if is_over else self._restart_end(count.page, is_counted=True)

    def _restart_end(self, page: Page, *, is_counted: bool = False) -> DenseRange | None:
        """Request once more, as a whole or from further on.

        A list that stops at some depth would stop there both times if all of it is in so few seconds that no
        filter can divide it: these seconds and everything after them are read by id.
        """
        own, is_part = self._own(page), self.state.may_be_cut_off(page)
        proves_more = self._end.restart_from(self._cursor, page, own, is_part=is_part, is_counted=is_counted)
        return None if proves_more else self._hand_off_end()

    def _own(self, page: Page) -> list[RawRecord]:
        return [record for record in page.records if self.cursor <= record.updated_at <= self.to_at]

    def _request_end_again(self) -> None:
        # The page that seemed to be the last one was not: process it again, as one that others follow.
        self.state.next_is_missing = True
        self._end.forget()
        self._cursor.move_to(self._end.begin)

    def _hand_off_end(self) -> DenseRange:
        self._cursor.move_to(self._end.begin)
        return self.hand_off(self.to_at)

    def _add_seam(self, seam: Seam, query: Query, page: Page) -> Taken:
        match self._order.assess(seam, page):
            case "look again":
                self._request_again(seam)
                return [], None
            case "read by id":
                return [], self.hand_off(self.to_at)
        self._question = None
        if self._ends_at_seam:
            self.done = True
            return [], None
        if not seam.is_closed_by(page, self.cursor) or ends_apart(page):
            return [], None
        return self._advance(query, page)

    def _request_again(self, seam: Seam | EndCount) -> None:
        # Records outside of the slice were not returned, whichever paginator continues.
        self._cursor.know(each for each in seam.page.records if seam.begin <= each.updated_at <= self.to_at)
        self._question, self._ends_at_seam = None, False
        self._cursor.move_to(seam.begin)
