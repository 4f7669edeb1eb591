"""Which walks read a window: slices side by side, a second by id, all without filters. Pure.

The plan answers one question (what to ask next, now that a turn is there) and learns from each page. How asks are
sent, and when, is the affair of `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.walks import (
    PAGE_LIMIT,
    CoverWalk,
    DeletedIgnored,
    FilterIgnored,
    KeyWalk,
    OrderIgnored,
    TieTooLarge,
    TooRestless,
)
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amocrm_assets.crm.pages import LeadLine, Page
    from amocrm_assets.crm.walks import Ask, Dense, Listing

# A page that spans so few seconds gives a good part of itself to the next one, which begins in its last second.
# Such stretches are read by id, where pages need to share one lead only, so many pages' worth at a time.
DENSE_PAGE_SECONDS = 6
DENSE_PAGES = 40
# What is kept in front of a cut should fit into whole pages: a page whose end is missing costs another request.
# A page of leads that come by chance differs from the next by 6 % (the square root of 250 leads).
SLACK_OF_A_PAGE = 0.12
# Before the first page nothing is known of a slice; cutting it blindly is worth a request only where time is long.
BLIND_CUT_SECONDS = 3600
MOST_BLIND_CUTS = 12


@dataclass(frozen=True)
class Window:
    """A closed interval of Unix seconds."""

    from_at: int
    to_at: int

    def meets(self, interval: tuple[int, int]) -> bool:
        """Whether the two have a second in common."""
        return interval[0] <= self.to_at and self.from_at <= interval[1]


@dataclass
class PlanFacts:
    """What the plan found out about the account while it read."""

    filters_honoured: bool = True
    deleted_honoured: bool = True
    slices: int = 0
    tied_seconds: int = 0
    whole_account_walks: int = 0


class ReadingPlan:
    """Reads one window of the given listings."""

    def __init__(self, window: Window, listings: Sequence[Listing]) -> None:
        self.facts = PlanFacts()
        self._walks: list[KeyWalk | CoverWalk] = []
        self._finished: list[KeyWalk | CoverWalk] = []
        self._blind_cuts = 0
        self._reads_dense = True
        for listing in listings:
            self._add(KeyWalk(listing, window.from_at, window.to_at))

    @property
    def done(self) -> bool:
        """Whether every walk has proven its part."""
        return not self._walks

    @property
    def repeats(self) -> int:
        """Leads that came more than once."""
        return sum(walk.seen.repeats for walk in self._all())

    @property
    def left(self) -> int:
        """Leads that were edited away between two pages."""
        return sum(walk.seen.left for walk in self._all())

    def open_intervals(self) -> tuple[tuple[int, int], ...]:
        """The seconds of which leads may still come."""
        return tuple(walk.open_interval for walk in self._walks if walk.open_interval)

    def next_ask(self) -> tuple[KeyWalk | CoverWalk, Ask] | None:
        """What to ask now; None when only awaited answers can tell."""
        # The one that is furthest behind goes first: a day is finished only when every listing has passed it.
        for walk in sorted(self._walks, key=_behind):
            if ask := walk.ask():
                return walk, ask
        if rest := self._cut():
            ask = rest.ask()
            return (rest, ask) if ask else None
        return None

    def take(self, walk: KeyWalk | CoverWalk, ask: Ask, page: Page) -> list[LeadLine]:
        """The new leads of a page."""
        if walk not in self._walks:
            return []  # another way of reading has taken over; it will come past these leads
        try:
            return self._take(walk, ask, page)
        except FilterIgnored:
            self.facts.filters_honoured = False
            self._start_over(walk.listing, by_id=False)
        except TieTooLarge:
            self._start_over(walk.listing, by_id=True)
        except OrderIgnored as error:
            if not (isinstance(walk, CoverWalk) and walk.filtered):
                raise _unproven(ask) from error
            self._leave_order_by_id(walk)
        except DeletedIgnored:
            self.facts.deleted_honoured = False
            self._give_up(walk.listing)
        return []

    def _take(self, walk: KeyWalk | CoverWalk, ask: Ask, page: Page) -> list[LeadLine]:
        if isinstance(walk, CoverWalk):
            try:
                fresh = walk.take(ask, page)
            except TooRestless:
                self._read_by_key(walk)
                return []
        else:
            fresh, tie = walk.take(ask, page)
            if tie:
                self._add_tie(walk.listing, tie)
            elif not walk.done and self._reads_dense:
                self._read_dense(walk)
        if walk.done:
            self._finish(walk)
        return fresh

    def _add_tie(self, listing: Listing, tie: Dense) -> None:
        self.facts.tied_seconds += 1
        self._add_by_id(listing, tie)

    def _read_dense(self, walk: KeyWalk) -> None:
        if not walk.leads_per_second or not walk.page_seconds or walk.page_seconds > DENSE_PAGE_SECONDS:
            return
        seconds = DENSE_PAGES * walk.page_seconds
        leads = int(walk.leads_per_second * seconds)
        self._add_by_id(walk.listing, walk.give_away(walk.cursor + seconds - 1), likely=leads)

    def _add_by_id(self, listing: Listing, dense: Dense, *, likely: int | None = None) -> None:
        self._add(
            CoverWalk(
                listing,
                "id asc",
                from_at=dense.from_at,
                to_at=dense.to_at,
                filtered=True,
                known=dense.ids,
                likely=likely,
            )
        )

    def _start_over(self, listing: Listing, *, by_id: bool) -> None:
        # What was proven stays proven; only what was still open is read in the other way.
        intervals = [walk.open_interval for walk in self._give_up(listing) if walk.open_interval]
        from_at, to_at = min(start for start, _ in intervals), max(end for _, end in intervals)
        self.facts.whole_account_walks += by_id
        order: Literal["id asc", "updated_at desc"] = "id asc" if by_id else "updated_at desc"
        self._add(CoverWalk(listing, order, from_at=from_at, to_at=to_at, filtered=False))

    def _leave_order_by_id(self, walk: CoverWalk) -> None:
        """Go on without the order by id, which the list does not know beside a filter."""
        from_at, to_at = walk.window
        if from_at < to_at:
            self._read_by_key(walk)
        else:  # a tie, which no key tells apart
            self._read_unfiltered(walk)

    def _read_by_key(self, walk: CoverWalk) -> None:
        """Read a dense stretch by key after all, and those to come."""
        self._reads_dense = False
        self._finish(walk)
        self._add(KeyWalk(walk.listing, *walk.window, known=walk.taken))

    def _read_unfiltered(self, walk: CoverWalk) -> None:
        """Read a tie by ids of the whole account."""
        self._finish(walk)
        self.facts.whole_account_walks += 1
        from_at, to_at = walk.window
        self._add(CoverWalk(walk.listing, "id asc", from_at=from_at, to_at=to_at, filtered=False))

    def _give_up(self, listing: Listing) -> list[KeyWalk | CoverWalk]:
        given_up = [walk for walk in self._walks if walk.listing == listing]
        self._walks = [walk for walk in self._walks if walk not in given_up]
        self._finished += given_up
        return given_up

    def _finish(self, walk: KeyWalk | CoverWalk) -> None:
        self._walks.remove(walk)
        self._finished.append(walk)

    def _add(self, walk: KeyWalk | CoverWalk) -> None:
        self.facts.slices += isinstance(walk, KeyWalk)
        self._walks.append(walk)

    def _cut(self) -> KeyWalk | None:
        """A new slice out of the rest of the one that has most before it, if that is worth a request."""
        slices = [walk for walk in self._walks if isinstance(walk, KeyWalk)]
        known = [walk for walk in slices if _pages_left(walk) > 0]
        if known:
            return self._share(max(known, key=_pages_left))
        blind = [
            walk
            for walk in slices
            if walk.leads_per_second is None and walk.to_at - walk.cursor >= BLIND_CUT_SECONDS
        ]
        if blind and self._blind_cuts < MOST_BLIND_CUTS:
            self._blind_cuts += 1
            return self._halve(max(blind, key=lambda walk: (walk.listing == "leads", walk.to_at - walk.cursor)))
        return None

    def _halve(self, walk: KeyWalk) -> KeyWalk:
        return self._cut_at(walk, walk.cursor + (walk.to_at - walk.cursor + 1) // 2)

    def _share(self, walk: KeyWalk) -> KeyWalk:
        # Whole pages are kept, the one in flight and half of those behind it: a page that ends at the cut is full.
        kept = 1 + int(_pages_left(walk)) // 2
        leads = PAGE_LIMIT * (kept - SLACK_OF_A_PAGE * kept**0.5)
        return self._cut_at(walk, walk.cursor + max(1, int(leads / (walk.leads_per_second or 1))))

    def _cut_at(self, walk: KeyWalk, start_at: int) -> KeyWalk:
        rest = walk.cut(min(start_at, walk.to_at))
        self._add(rest)
        return rest

    def _all(self) -> Iterator[KeyWalk | CoverWalk]:
        yield from self._walks
        yield from self._finished


def _unproven(ask: Ask) -> ReadingUnproven:
    return ReadingUnproven(
        f"Reading {ask.listing} by {ask.order}",
        cause="amoCRM sent leads in another order than asked for, and without an order nothing proves "
        "that a reading is complete.",
        fix="Report this account's behaviour. If it is only the trash, import_deleted: false leaves it out.",
    )


def _behind(walk: KeyWalk | CoverWalk) -> int:
    if isinstance(walk, CoverWalk) and walk.filtered:
        # Whoever goes on behind it asks once first: another such stretch may follow, and fill the next turns.
        return walk.window[1] + 1
    return walk.open_interval[0] if walk.open_interval else 0


def _pages_left(walk: KeyWalk) -> float:
    """How many pages are likely to be left behind the one in flight."""
    if walk.leads_per_second is None or walk.cursor == walk.to_at:
        return -1.0
    return walk.leads_per_second * (walk.to_at - walk.cursor + 1) / PAGE_LIMIT - 1
