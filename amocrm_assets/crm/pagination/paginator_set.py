"""The paginators that read a window together, and how one replaces another.

Slices are paginated by `updated_at`, a dense range or a crowded second by id, a list without filters as a whole.
`read_planner` decides when.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import (
    EndUnproven,
    KeysetPaginator,
    ListState,
    OverlappingPaginator,
    end_unproven,
)
from amocrm_assets.crm.pagination.unreturned import Unreturned, UnreturnedCheck
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.crm.pagination import DenseRange, Query

    Paginator = KeysetPaginator | OverlappingPaginator | UnreturnedCheck

# A page of so few seconds repeats a large part of itself on the next one, which begins in its last second.
# Such ranges are read by id, where pages need to share only one record, this many pages at a time.
DENSE_PAGE_SECONDS = 6
DENSE_PAGES = 40
# How often a list whose end could not be proven is read again from its beginning.
MAX_BEGUN_AGAIN = 3


@dataclass
class ReadCounts:
    """Counts of the planner's work on the window."""

    slices: int = 0
    tied_seconds: int = 0
    whole_account_scans: int = 0


class PaginatorSet:
    """The active paginators, and the counts of the finished ones."""

    def __init__(self) -> None:
        self.counts = ReadCounts()
        self._active: list[Paginator] = []
        self._finished: list[Paginator] = []
        self._reads_dense = True
        self._begun_again = 0

    def __iter__(self) -> Iterator[Paginator]:
        return iter(self._active)

    def __len__(self) -> int:
        return len(self._active)

    @property
    def counts_by_name(self) -> dict[str, int]:
        """The counts by their names in the metadata, with records that came twice, or moved out by an edit."""
        seen = [paginator.seen for paginator in [*self._active, *self._finished]]
        return {
            "duplicates": sum(each.duplicates for each in seen),
            "edited_out_of_window": sum(each.moved_out for each in seen),
            "slices": self.counts.slices,
            "tied_seconds": self.counts.tied_seconds,
            "whole_account_scans": self.counts.whole_account_scans,
        }

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds whose records are not complete yet."""
        return tuple(paginator.open_interval for paginator in self._active if paginator.open_interval)

    def unreturned_interval(self, state: ListState) -> Window | None:
        """The seconds of records that their slices have not returned, or None.

        Of slices that have finished nothing is believed then: a slice that lacks one record may lack others.
        """
        interval = state.unreturned.interval
        if not interval:
            return None
        slices = [each for each in self._finished if isinstance(each, KeysetPaginator) and each.state is state]
        lacking = [each for each in slices if each.from_at <= interval.to_at and interval.from_at <= each.to_at]
        return Window(
            min([interval.from_at, *(each.from_at for each in lacking)]),
            max([interval.to_at, *(each.to_at for each in lacking)]),
        )

    def furthest_behind_first(self) -> list[Paginator]:
        """The active paginators: a day is finished only when every list has passed it."""
        return sorted(self._active, key=_behind)

    def add(self, paginator: Paginator) -> None:
        """Start a paginator."""
        self.counts.slices += isinstance(paginator, KeysetPaginator)
        self._active.append(paginator)

    def finish(self, paginator: Paginator) -> None:
        """A paginator has read its part, or another one will."""
        self._active.remove(paginator)
        self._finished.append(paginator)

    def check_unreturned(self, finished: Paginator) -> None:
        """After a paginator has finished: if it was its list's last one, look for records that none returned."""
        state, unreturned = finished.state, finished.state.unreturned
        begins = [each.open_interval.from_at for each in self._of(state) if each.open_interval]
        if begins:
            unreturned.forget(min(begins))
        interval = self.unreturned_interval(state)
        if interval and isinstance(finished, UnreturnedCheck) and finished.is_contradicted:
            unreturned.read_again = interval
            self.add(KeysetPaginator(state, interval.from_at, interval.to_at))
        elif interval and not begins:
            self.add(UnreturnedCheck(state))

    def give_up(self, state: ListState) -> list[Paginator]:
        """Stop all paginators of a list."""
        given_up = self._of(state)
        self._active = [paginator for paginator in self._active if paginator not in given_up]
        self._finished += given_up
        state.unreturned = Unreturned()  # no slice is left that could lack a record
        return given_up

    def _of(self, state: ListState) -> list[Paginator]:
        return [paginator for paginator in self._active if paginator.state is state]

    def add_by_id(self, state: ListState, dense: DenseRange, *, likely: int | None = None) -> None:
        """Read some seconds by id, with pages that need to share only one record."""
        self.add(
            OverlappingPaginator(
                state,
                "id asc",
                Window(dense.from_at, dense.to_at),
                filtered=True,
                known=dense.known,
                likely=likely,
            )
        )

    def read_dense(self, paginator: KeysetPaginator) -> None:
        """Leave the range ahead of a paginator to one by id, if it is dense or pages are small."""
        density, span = paginator.records_per_second, paginator.page_seconds
        if not self._reads_dense or not density or not span:
            return
        # Small pages have a seam at few of their ends; by id, each page meets the next one.
        if span > DENSE_PAGE_SECONDS and not paginator.state.has_small_pages:
            return
        seconds = DENSE_PAGES * span
        dense = paginator.hand_off(paginator.cursor + seconds - 1)
        self.add_by_id(paginator.state, dense, likely=int(density * seconds))

    def start_over(self, state: ListState, *, by_id: bool) -> None:
        """Read a list as a whole, without filters: what was proven remains so, the rest is read again."""
        unreturned = self.unreturned_interval(state)
        given_up = self.give_up(state)
        intervals = [each for each in (unreturned, *(one.open_interval for one in given_up)) if each]
        self.counts.whole_account_scans += by_id
        self.add(
            OverlappingPaginator(
                state,
                "id asc" if by_id else "updated_at desc",
                Window(min(each.from_at for each in intervals), max(each.to_at for each in intervals)),
                filtered=False,
                known={record: at for each in given_up for record, at in each.returned.items()},
            )
        )

    def read_by_key(self, paginator: OverlappingPaginator) -> None:
        """Read a dense range by key after all, and all later ones."""
        self._reads_dense, window = False, paginator.window
        self.finish(paginator)
        self.add(KeysetPaginator(paginator.state, window.from_at, window.to_at, known=paginator.returned))

    def begin_again(self, paginator: OverlappingPaginator, query: Query, error: EndUnproven) -> None:
        """Read a list again: if records leave a short one while it is read, its end cannot be proven."""
        self._begun_again += 1
        if self._begun_again <= MAX_BEGUN_AGAIN:
            self.finish(paginator)
            self.add(paginator.begun_again())
        elif paginator.order == "id asc":
            raise end_unproven(query, len(paginator.returned)) from error
        else:
            # In the order of time a list may end in a second that no page contains from both sides; ids are
            # unique.
            self._begun_again = 0
            self.start_over(paginator.state, by_id=True)


def _behind(paginator: Paginator) -> int:
    if isinstance(paginator, OverlappingPaginator) and paginator.filtered:
        # The paginator after it sends one request first: another such interval may follow, and need the next
        # permits.
        return paginator.window.to_at + 1
    return paginator.open_interval.from_at if paginator.open_interval else 0
