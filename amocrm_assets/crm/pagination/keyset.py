"""The walk by `updated_at`: an edit cannot make it skip a record that nobody touched."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.query import (
    CONFIRMATIONS,
    MIN_PAGE,
    OrderIgnored,
    PageStats,
    Query,
    SecondPageMissing,
)
from amocrm_assets.crm.pagination.seam import Seam

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.list_state import ListState

NOTHING_KNOWN: Mapping[int, int] = {}
# A slice asks for so many records' worth of time behind its end: to see one proves that none before is missing.
RECORDS_BEHIND_END = 5
MAX_SECONDS_BEHIND_END = 3600
# A question about the end of a list asks for the records that are known there, and so many more.
ROOM_BEHIND_END = 5


@dataclass(frozen=True)
class DenseRange:
    """Seconds that are to be read by id; of `known` records, with their seconds, some were given out already."""

    from_at: int
    to_at: int
    known: Mapping[int, int]


# What a question is for: the next page; whether anything lies behind the last record (`end`); which deleted record
# is the newest of all (`newest`).
_Purpose = Literal["page", "end", "newest"]


class KeysetPaginator:
    """Walks `[cursor, to_at]` by `updated_at`, the next page beginning in the last record's second, inclusive.

    An edit moves a record to the right, out of what is still to come or to its end; page 1 of what is left can
    therefore never skip a record that nobody touched. No single answer ends the walk: a record behind the end was
    seen, or two answers say that nothing follows.
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
        self.cursor = from_at
        self.to_at = to_at
        self.records_per_second = records_per_second
        self.page_seconds: int | None = None
        self.in_flight = False
        self.done = False
        self.seen = PageStats()
        self._known = known  # records given out already, with their seconds
        self._at_cursor: frozenset[int] = frozenset()
        self._empty_answers = 0
        self._page_seen = records_per_second is not None
        # Nobody documents whether `from` holds its own second, so a first page asks from the second before.
        self._reach = 1
        self._purpose: _Purpose = "page"
        self._end_said = False  # by the answer before this one
        self._records_at_end = 0
        self._before_end = from_at
        self._seam: Seam | None = None
        self._seams_broken = 0
        self._seam_seen = self._ends_at_seam = self._newest_missing = False

    @property
    def open_interval(self) -> tuple[int, int] | None:
        """The seconds of which records may still come."""
        if self.done:
            return None
        return (self._seam.from_at if self._seam else self.cursor), self.to_at

    def next_query(self) -> Query | None:
        """What to ask next; None while an answer is awaited or when all is read."""
        if self.in_flight or self.done:
            return None
        self.in_flight = True
        record_list = self.state.record_list
        if self._purpose == "newest":
            return Query(record_list, "updated_at desc", limit=1)
        limit = self.state.page_size.limit
        to_at = self.to_at + 1 + self._seconds_behind_end
        if self._seam:
            return self._seam.query(to_at)
        if self._purpose == "end":
            limit = min(limit, self._records_at_end + ROOM_BEHIND_END)
        return Query(record_list, "updated_at asc", self.cursor - self._reach, to_at, limit=limit)

    def failed(self) -> None:
        """The question was not answered; the next one is asked by a smaller limit."""
        self.in_flight = False
        if self._seam:
            self._look_again(self._seam)

    def add_page(self, query: Query, page: Page) -> tuple[list[RawRecord], DenseRange | None]:
        """The new records of a page, and the tie that it ran into: a second that fills a whole page.

        Raises `OrderIgnored` when two pages show that the list as a whole is not sorted.
        """
        self.in_flight = False
        if self._purpose == "newest":
            self._add_newest(page)
            return [], None
        self.state.longest_page = max(self.state.longest_page, page.size)
        if self._seam:
            return self._add_seam(self._seam, query, page)
        self._learn_from(query, page)
        if self._is_doubtful(query, page):
            return [], None
        return self._advance(query, page)

    def split(self, start_at: int) -> KeysetPaginator:
        """Give away everything from `start_at` to a walk of its own."""
        rest = KeysetPaginator(
            self.state, start_at, self.to_at, records_per_second=self.records_per_second, known=self._known
        )
        self.to_at = start_at - 1
        return rest

    def hand_off(self, to_at: int) -> DenseRange:
        """Give away everything up to `to_at`, with the page before it where that is not proven yet."""
        if self._seam and not self.state.order_seen:
            self._look_again(self._seam)
        known = {**self._known, **dict.fromkeys(self._at_cursor, self.cursor)}
        known = {record: at for record, at in known.items() if at >= self.cursor}
        dense = DenseRange(self.cursor, min(to_at, self.to_at), known)
        self._move_to(dense.to_at + 1, frozenset())
        self._seam, self._purpose, self._end_said = None, "page", False
        self.records_per_second = self.page_seconds = None  # what was dense there says nothing about the rest
        self.done = self.cursor > self.to_at
        return dense

    @property
    def _seconds_behind_end(self) -> int:
        if not self.records_per_second:
            return 0
        return min(MAX_SECONDS_BEHIND_END, ceil(RECORDS_BEHIND_END / self.records_per_second))

    def _learn_from(self, query: Query, page: Page) -> None:
        """Whether `from` holds its own second, by what came."""
        if any(record.updated_at == query.from_at for record in page.records):
            self.state.from_is_inclusive = True
        elif self._reach and any(self._is_at_cursor(record) for record in page.records):
            # Asked for from their own second, these records did not come; from the second before, they do.
            self.state.from_is_inclusive = False

    def _is_doubtful(self, query: Query, page: Page) -> bool:
        """Whether to ask again before the answer is believed; sets from which second."""
        if not page.records:
            if self._empty_answers >= (CONFIRMATIONS if self._page_seen else 1):
                return False
            self._empty_answers += 1
            self._reach = 1
            if not self.state.kind_proven and not self._page_seen:
                # An account that ignores `with=only_deleted` may have no live record in this window either.
                self._purpose = "newest"
            return True
        if not self._reach and self._at_cursor and not any(self._is_at_cursor(record) for record in page.records):
            # The records that were there are gone: edited meanwhile, or `from` no longer holds its own second.
            self._reach = 1
            return True
        if page.records[-1].updated_at < self.cursor and self._has_more(query, page):
            # A page full of the second before the cursor, which proves that `from` holds its own second.
            self.seen.moved_out += len(self._at_cursor)
            self._at_cursor, self._reach = frozenset(), 0
            return True
        return False

    def _has_more(self, query: Query, page: Page) -> bool:
        """Whether records may follow on a next page: amoCRM says so, the page is full, or nothing would say so."""
        if self.state.next_is_missing and page.records[-1].updated_at > self.cursor:
            return True
        return page.has_next or page.size >= query.limit

    def _is_at_cursor(self, record: RawRecord) -> bool:
        return record.updated_at == self.cursor and record.id in self._at_cursor

    def _was_given(self, record: RawRecord) -> bool:
        return self._is_at_cursor(record) or self._known.get(record.id) == record.updated_at

    def _advance(self, query: Query, page: Page) -> tuple[list[RawRecord], DenseRange | None]:
        more = bool(page.records) and self._has_more(query, page)
        passed_end = bool(page.records) and page.records[-1].updated_at > self.to_at
        if self._purpose == "end" and more and not passed_end:
            self._purpose, self._end_said = "page", False
            return [], None  # more lies behind the end: ask for whole pages again
        records = [record for record in page.records if self.cursor <= record.updated_at <= self.to_at]
        fresh = [record for record in records if not self._was_given(record)]
        self.seen.duplicates += len(records) - len(fresh)
        self._empty_answers = 0
        if passed_end and more and not self.state.order_seen and self._purpose == "page":
            self._seam = Seam.behind(query, page, from_at=self.cursor, tries=self._seams_broken)
            self._ends_at_seam = self._seam is not None
        if self._ends_at_seam:
            self._know(fresh)
            return fresh, None
        said_before, self._end_said = self._end_said, not page.has_next
        self._count_moved_out(records)
        said_twice = not more and said_before and not fresh
        if said_twice and page.records and not passed_end and self._may_be_cut_off(page):
            return [], self.hand_off(self.to_at)
        if passed_end or not page.records or said_twice:
            self.done = True  # a record behind the end was seen, or nothing was, twice
            return fresh, None
        if more:
            return self._go_on(query, page, records, fresh)
        return fresh, self._doubt_end(page, records, fresh)

    def _go_on(
        self, query: Query, page: Page, records: list[RawRecord], fresh: list[RawRecord]
    ) -> tuple[list[RawRecord], DenseRange | None]:
        first, last, before = page.records[0].updated_at, page.records[-1].updated_at, self.cursor
        self._page_seen = True
        self.page_seconds = last - first + 1
        self.records_per_second = len(page.records) / self.page_seconds
        if first == last:
            if self.state.order_seen and last != self.cursor:
                self._at_cursor, self.cursor = frozenset(), last  # nothing lies before it
            return [], self.hand_off(last)
        self._move_to(last, frozenset(record.id for record in records if record.updated_at == last))
        if not self._seam_seen:
            seam = Seam.behind(query, page, from_at=before, tries=self._seams_broken)
            self._seam = None if seam and seam.is_crowded and self.state.order_seen else seam
        return fresh, None

    def _move_to(self, cursor: int, at_cursor: frozenset[int]) -> None:
        self.cursor, self._at_cursor = cursor, at_cursor
        self._reach = 0 if at_cursor and self.state.from_is_inclusive else 1

    def _doubt_end(self, page: Page, records: list[RawRecord], fresh: list[RawRecord]) -> DenseRange | None:
        """Ask once more behind the last record: one answer without a next page may be a damaged one.

        A list that stops at some depth would stop there both times, where so many records share one second that no
        longer page was ever seen: that second and what follows is read by id.
        """
        self._know(fresh)
        if self._purpose == "end" and fresh:
            self._distrust_end()
            return None
        last = records[-1].updated_at if records else self.cursor
        if self._purpose == "page":
            self._before_end = self.cursor
        self._move_to(last, frozenset(record.id for record in records if record.updated_at == last))
        if records and records[0].updated_at == last and self._may_be_cut_off(page):
            return self.hand_off(self.to_at)
        self._purpose = "end"
        self._records_at_end = sum(record.updated_at >= self.cursor - self._reach for record in page.records)
        return None

    def _may_be_cut_off(self, page: Page) -> bool:
        """Whether the list may stop at some depth: it was never seen to show more records than these."""
        return page.size >= max(MIN_PAGE, self.state.longest_page)

    def _distrust_end(self) -> None:
        """What seemed to be the last page was not: look at it again, as at one that others follow."""
        self.state.next_is_missing = True
        self._purpose, self._end_said = "page", False
        self._move_to(self._before_end, frozenset())

    def _count_moved_out(self, records: list[RawRecord]) -> None:
        self.seen.moved_out += len(
            self._at_cursor - {record.id for record in records if record.updated_at == self.cursor}
        )

    def _add_seam(self, seam: Seam, query: Query, page: Page) -> tuple[list[RawRecord], DenseRange | None]:
        if seam.is_broken_by(page):
            self._seams_broken += 1
            self.state.order_doubted, self.state.order_seen = True, False
            if self._seams_broken > CONFIRMATIONS:
                raise OrderIgnored if page.records else SecondPageMissing
            # Records that somebody moved to before the seam shift it: look at both pages again.
            self._look_again(seam)
            return [], None
        self._seam = None
        self._seam_seen = True
        self.state.order_seen |= not self.state.order_doubted and seam.is_closed_by(page, seam.last)
        strays = [
            record
            for record in seam.strays(page)
            if seam.from_at <= record.updated_at and not self._was_given(record)
        ]
        self._know(strays)
        if self._ends_at_seam:
            self.done = True
            return strays, None
        if not seam.is_closed_by(page, self.cursor):
            return strays, None
        fresh, tie = self._advance(query, page)
        return strays + fresh, tie

    def _look_again(self, seam: Seam) -> None:
        self._know(seam.page.records)
        self._seam, self._ends_at_seam = None, False
        self._move_to(seam.from_at, frozenset())

    def _know(self, records: Iterable[RawRecord]) -> None:
        self._known = {**self._known, **{record.id: record.updated_at for record in records}}

    def _add_newest(self, page: Page) -> None:
        """The newest deleted record of all: none, or an older one, agrees with an empty window."""
        if not page.size and not self._newest_missing:
            self._newest_missing = True
            return  # asked once more: nothing else tells an empty trash from an account that ignores the question
        self._purpose = "page"
        self.state.kind_proven = self.state.kind_proven or bool(page.records)
        if not page.size or (page.records and page.records[0].updated_at < self.cursor):
            self.done = True
        elif page.records and page.records[0].updated_at <= self.to_at:
            self._page_seen = True  # so the empty answer was wrong
