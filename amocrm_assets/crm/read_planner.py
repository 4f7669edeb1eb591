"""Which paginators read a window: slices side by side, a second by id, all without filters. Pure.

The plan answers one question (what to ask next, now that a permit is there) and learns from each page. Queries are
sent by `window_reader`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination import (
    PAGE_LIMIT,
    DeletedIgnored,
    EditsTooFrequent,
    FilterIgnored,
    KeysetPaginator,
    OrderIgnored,
    OverlappingPaginator,
    TieExceedsPage,
)
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination import DenseRange, Query, RecordList
    from amocrm_assets.days import Window

# A page that spans so few seconds gives a good part of itself to the next one, which begins in its last second.
# Such stretches are read by id, where pages need to share one lead only, so many pages' worth at a time.
DENSE_PAGE_SECONDS = 6
DENSE_PAGES = 40
# What is kept in front of a cut should fit into whole pages: a page whose end is missing costs another request.
# A page of leads that come by chance differs from the next by 6 % (the square root of 250 leads).
SLACK_OF_A_PAGE = 0.12
# Before the first page nothing is known of a slice; cutting it blindly is worth a request only where time is long.
BLIND_CUT_SECONDS = 3600
MAX_BLIND_SPLITS = 12


@dataclass
class ReadFindings:
    """What the plan found out about the account while it read."""

    filters_honoured: bool = True
    deleted_honoured: bool = True
    slices: int = 0
    tied_seconds: int = 0
    whole_account_scans: int = 0


class ReadPlanner:
    """Reads one window of the given record_lists."""

    def __init__(self, window: Window, record_lists: Sequence[RecordList]) -> None:
        self.facts = ReadFindings()
        self._paginators: list[KeysetPaginator | OverlappingPaginator] = []
        self._finished: list[KeysetPaginator | OverlappingPaginator] = []
        self._blind_cuts = 0
        self._reads_dense = True
        for record_list in record_lists:
            self._add(KeysetPaginator(record_list, window.from_at, window.to_at))

    @property
    def done(self) -> bool:
        """Whether every paginator has proven its part."""
        return not self._paginators

    @property
    def duplicates(self) -> int:
        """Leads that came more than once."""
        return sum(paginator.seen.duplicates for paginator in self._all())

    @property
    def moved_out(self) -> int:
        """Leads that were edited away between two pages."""
        return sum(paginator.seen.moved_out for paginator in self._all())

    def open_intervals(self) -> tuple[tuple[int, int], ...]:
        """The seconds of which leads may still come."""
        return tuple(paginator.open_interval for paginator in self._paginators if paginator.open_interval)

    def next_query(self) -> tuple[KeysetPaginator | OverlappingPaginator, Query] | None:
        """What to ask now; None when only awaited answers can tell."""
        # The one that is furthest behind goes first: a day is finished only when every record_list has passed it.
        for paginator in sorted(self._paginators, key=_behind):
            if query := paginator.next_query():
                return paginator, query
        if rest := self._split():
            query = rest.next_query()
            return (rest, query) if query else None
        return None

    def add_page(
        self, paginator: KeysetPaginator | OverlappingPaginator, query: Query, page: Page
    ) -> list[RawRecord]:
        """The new leads of a page."""
        if paginator not in self._paginators:
            return []  # another way of reading has taken over; it will come past these leads
        try:
            return self._take(paginator, query, page)
        except FilterIgnored:
            self.facts.filters_honoured = False
            self._start_over(paginator.record_list, by_id=False)
        except TieExceedsPage:
            self._start_over(paginator.record_list, by_id=True)
        except OrderIgnored as error:
            if not (isinstance(paginator, OverlappingPaginator) and paginator.filtered):
                raise _unproven(query) from error
            self._leave_order_by_id(paginator)
        except DeletedIgnored:
            self.facts.deleted_honoured = False
            self._give_up(paginator.record_list)
        return []

    def _take(
        self, paginator: KeysetPaginator | OverlappingPaginator, query: Query, page: Page
    ) -> list[RawRecord]:
        if isinstance(paginator, OverlappingPaginator):
            try:
                fresh = paginator.add_page(query, page)
            except EditsTooFrequent:
                self._read_by_key(paginator)
                return []
        else:
            fresh, tie = paginator.add_page(query, page)
            if tie:
                self._add_tie(paginator.record_list, tie)
            elif not paginator.done and self._reads_dense:
                self._read_dense(paginator)
        if paginator.done:
            self._finish(paginator)
        return fresh

    def _add_tie(self, record_list: RecordList, tie: DenseRange) -> None:
        self.facts.tied_seconds += 1
        self._add_by_id(record_list, tie)

    def _read_dense(self, paginator: KeysetPaginator) -> None:
        if (
            not paginator.leads_per_second
            or not paginator.page_seconds
            or paginator.page_seconds > DENSE_PAGE_SECONDS
        ):
            return
        seconds = DENSE_PAGES * paginator.page_seconds
        leads = int(paginator.leads_per_second * seconds)
        self._add_by_id(paginator.record_list, paginator.hand_off(paginator.cursor + seconds - 1), likely=leads)

    def _add_by_id(self, record_list: RecordList, dense: DenseRange, *, likely: int | None = None) -> None:
        self._add(
            OverlappingPaginator(
                record_list,
                "id asc",
                from_at=dense.from_at,
                to_at=dense.to_at,
                filtered=True,
                known=dense.ids,
                likely=likely,
            )
        )

    def _start_over(self, record_list: RecordList, *, by_id: bool) -> None:
        # What was proven stays proven; only what was still open is read in the other way.
        intervals = [
            paginator.open_interval for paginator in self._give_up(record_list) if paginator.open_interval
        ]
        from_at, to_at = min(start for start, _ in intervals), max(end for _, end in intervals)
        self.facts.whole_account_scans += by_id
        order: Literal["id asc", "updated_at desc"] = "id asc" if by_id else "updated_at desc"
        self._add(OverlappingPaginator(record_list, order, from_at=from_at, to_at=to_at, filtered=False))

    def _leave_order_by_id(self, paginator: OverlappingPaginator) -> None:
        """Go on without the order by id, which the list does not know beside a filter."""
        from_at, to_at = paginator.window
        if from_at < to_at:
            self._read_by_key(paginator)
        else:  # a tie, which no key tells apart
            self._read_unfiltered(paginator)

    def _read_by_key(self, paginator: OverlappingPaginator) -> None:
        """Read a dense stretch by key after all, and those to come."""
        self._reads_dense = False
        self._finish(paginator)
        self._add(KeysetPaginator(paginator.record_list, *paginator.window, known=paginator.taken))

    def _read_unfiltered(self, paginator: OverlappingPaginator) -> None:
        """Read a tie by ids of the whole account."""
        self._finish(paginator)
        self.facts.whole_account_scans += 1
        from_at, to_at = paginator.window
        self._add(
            OverlappingPaginator(paginator.record_list, "id asc", from_at=from_at, to_at=to_at, filtered=False)
        )

    def _give_up(self, record_list: RecordList) -> list[KeysetPaginator | OverlappingPaginator]:
        given_up = [paginator for paginator in self._paginators if paginator.record_list == record_list]
        self._paginators = [paginator for paginator in self._paginators if paginator not in given_up]
        self._finished += given_up
        return given_up

    def _finish(self, paginator: KeysetPaginator | OverlappingPaginator) -> None:
        self._paginators.remove(paginator)
        self._finished.append(paginator)

    def _add(self, paginator: KeysetPaginator | OverlappingPaginator) -> None:
        self.facts.slices += isinstance(paginator, KeysetPaginator)
        self._paginators.append(paginator)

    def _split(self) -> KeysetPaginator | None:
        """A new slice out of the rest of the one that has most before it, if that is worth a request."""
        slices = [paginator for paginator in self._paginators if isinstance(paginator, KeysetPaginator)]
        known = [paginator for paginator in slices if _pages_left(paginator) > 0]
        if known:
            return self._split_by_density(max(known, key=_pages_left))
        blind = [
            paginator
            for paginator in slices
            if paginator.leads_per_second is None and paginator.to_at - paginator.cursor >= BLIND_CUT_SECONDS
        ]
        if blind and self._blind_cuts < MAX_BLIND_SPLITS:
            self._blind_cuts += 1
            return self._bisect(
                max(
                    blind,
                    key=lambda paginator: (paginator.record_list == "leads", paginator.to_at - paginator.cursor),
                )
            )
        return None

    def _bisect(self, paginator: KeysetPaginator) -> KeysetPaginator:
        return self._split_at(paginator, paginator.cursor + (paginator.to_at - paginator.cursor + 1) // 2)

    def _split_by_density(self, paginator: KeysetPaginator) -> KeysetPaginator:
        # Whole pages are kept, the one in flight and half of those behind it: a page that ends at the cut is full.
        kept = 1 + int(_pages_left(paginator)) // 2
        leads = PAGE_LIMIT * (kept - SLACK_OF_A_PAGE * kept**0.5)
        return self._split_at(paginator, paginator.cursor + max(1, int(leads / (paginator.leads_per_second or 1))))

    def _split_at(self, paginator: KeysetPaginator, start_at: int) -> KeysetPaginator:
        rest = paginator.split(min(start_at, paginator.to_at))
        self._add(rest)
        return rest

    def _all(self) -> Iterator[KeysetPaginator | OverlappingPaginator]:
        yield from self._paginators
        yield from self._finished


def _unproven(query: Query) -> ReadingUnproven:
    return ReadingUnproven(
        f"Reading {query.record_list} by {query.order}",
        cause="amoCRM sent leads in another order than asked for, and without an order nothing proves "
        "that a reading is complete.",
        fix="Report this account's behaviour. If it is only the trash, import_deleted: false leaves it out.",
    )


def _behind(paginator: KeysetPaginator | OverlappingPaginator) -> int:
    if isinstance(paginator, OverlappingPaginator) and paginator.filtered:
        # Whoever goes on behind it asks once first: another such stretch may follow, and fill the next permits.
        return paginator.window[1] + 1
    return paginator.open_interval[0] if paginator.open_interval else 0


def _pages_left(paginator: KeysetPaginator) -> float:
    """How many pages are likely to be left behind the one in flight."""
    if paginator.leads_per_second is None or paginator.cursor == paginator.to_at:
        return -1.0
    return paginator.leads_per_second * (paginator.to_at - paginator.cursor + 1) / PAGE_LIMIT - 1
