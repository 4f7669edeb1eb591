"""Ways through a list that changes while it is read. Pure: pages in, leads out; no clock and no network.

`KeyWalk` goes by `updated_at` and asks for page 1 always. `CoverWalk` goes by page numbers, where there is no
other way, and proves by overlapping pages that nothing fell between two of them. What walks together read a
window is decided in `plan`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from amocrm_assets.crm.pages import LeadLine, Page

Listing = Literal["leads", "deleted"]
Order = Literal["updated_at asc", "updated_at desc", "id asc"]

# https://www.amocrm.ru/developers/content/crm_platform/leads-api; a larger limit silently gives 50.
PAGE_LIMIT = 250
# 204 instead of a later page has been seen in mid-window. An empty answer that contradicts what is known is asked
# again so often, and a first one where leads are the rule once.
CONFIRMATIONS = 2
# Pages in vain for one gap before a walk gives up: the list moves faster than it can be read.
MOST_PROBES = 100
# In the order of time, a gap that outlasts so many is a second that no single page reaches across.
MOST_PROBES_BY_TIME = 12


@dataclass(frozen=True)
class Ask:
    """One question to `/api/v4/leads`. Without `from_at` no filter is sent."""

    listing: Listing
    order: Order
    from_at: int | None = None
    to_at: int | None = None
    page: int = 1
    limit: int = PAGE_LIMIT

    def params(self) -> dict[str, str | int]:
        """The question as amoCRM wants it in the address."""
        key, direction = self.order.split()
        params: dict[str, str | int] = {"limit": self.limit, "page": self.page, f"order[{key}]": direction}
        if self.from_at is not None and self.to_at is not None:
            params |= {"filter[updated_at][from]": self.from_at, "filter[updated_at][to]": self.to_at}
        if self.listing == "deleted":
            params["with"] = "only_deleted"
        return params


class FilterIgnored(Exception):
    """The page holds a lead that the filter excludes, so the account does not filter."""


class DeletedIgnored(Exception):
    """Asked for deleted leads, amoCRM sent others: the account does not know `with=only_deleted`."""


class TieTooLarge(Exception):
    """More leads share one second than overlapping pages in the order of time can tell apart."""


@dataclass(frozen=True)
class Tie:
    """A second that fills a whole page, so it must be read by id; `ids` of it were given out already."""

    second: int
    ids: frozenset[int]


@dataclass
class Seen:
    """What a walk noticed beside the leads."""

    repeats: int = 0
    left: int = 0


class KeyWalk:
    """Walks `[cursor, to_at]` by `updated_at`, the next page beginning in the last lead's second, inclusive.

    An edit moves a lead to the right, out of what is still to come or to its end; page 1 of what is left can
    therefore never skip a lead that nobody touched.
    """

    def __init__(
        self, listing: Listing, from_at: int, to_at: int, *, leads_per_second: float | None = None
    ) -> None:
        self.listing = listing
        self.cursor = from_at
        self.to_at = to_at
        self.leads_per_second = leads_per_second
        self.in_flight = False
        self.done = False
        self.seen = Seen()
        self._at_cursor: frozenset[int] = frozenset()
        self._empty_answers = 0

    @property
    def open_interval(self) -> tuple[int, int] | None:
        """The seconds of which leads may still come."""
        return None if self.done else (self.cursor, self.to_at)

    def ask(self) -> Ask | None:
        """What to ask next; None while an answer is awaited or when all is read."""
        if self.in_flight or self.done:
            return None
        self.in_flight = True
        return Ask(self.listing, "updated_at asc", self.cursor, self.to_at)

    def take(self, ask: Ask, page: Page) -> tuple[list[LeadLine], Tie | None]:
        """The new leads of a page, and the tie that it ran into."""
        self.in_flight = False
        _check_listing(ask, page.leads)
        _check_order(ask, [lead.updated_at for lead in page.leads])
        _check_window(ask, page.leads)
        if not page.leads and self._empty_answers < self._confirmations:
            self._empty_answers += 1
            return [], None
        return self._advance(page)

    @property
    def _confirmations(self) -> int:
        """How often an empty answer is asked again before it is believed."""
        if self.leads_per_second is not None:
            return (
                CONFIRMATIONS  # a page said that there are more: this walk's, or that of the one it was cut from
            )
        # An empty trash is the rule. Mistaking it for a broken answer would cost each reading a request.
        return 1 if self.listing == "leads" else 0

    def cut(self, start_at: int) -> KeyWalk:
        """Give away everything from `start_at` to a walk of its own."""
        rest = KeyWalk(self.listing, start_at, self.to_at, leads_per_second=self.leads_per_second)
        self.to_at = start_at - 1
        return rest

    def _advance(self, page: Page) -> tuple[list[LeadLine], Tie | None]:
        leads = [lead for lead in page.leads if lead.updated_at <= self.to_at]
        cut_off = len(leads) < len(page.leads)  # the walk was cut after it had asked: the rest has another reader
        ids_at_cursor = {lead.id for lead in leads if lead.updated_at == self.cursor}
        fresh = [lead for lead in leads if lead.updated_at > self.cursor or lead.id not in self._at_cursor]
        self.seen.repeats += len(leads) - len(fresh)
        self._empty_answers = 0
        if not page.has_next or cut_off:
            self.seen.left += len(self._at_cursor - ids_at_cursor)
            self.done = True
            return fresh, None
        first, last = page.leads[0].updated_at, page.leads[-1].updated_at
        self.leads_per_second = len(page.leads) / (last - first + 1)
        if first == last:
            return [], self._go_behind(last)
        self.seen.left += len(self._at_cursor - ids_at_cursor)
        self.cursor = last
        self._at_cursor = frozenset(lead.id for lead in leads if lead.updated_at == last)
        return fresh, None

    def _go_behind(self, second: int) -> Tie:
        tie = Tie(second, self._at_cursor if second == self.cursor else frozenset())
        self.cursor = second + 1
        self._at_cursor = frozenset()
        self.done = self.cursor > self.to_at
        return tie


class CoverWalk:
    """Walks by page numbers, several pages at once, until the pages provably cover what was asked for.

    A page is a run without gaps of the list as it was at one moment. In the order of ids, it holds every lead
    between its first and its last id; in the order of time, every lead of the seconds strictly between. A lead
    that nobody touches keeps its place in that order whatever the others do. So where these intervals leave no
    gap between them, no untouched lead is missing, in whatever order and however long apart they were asked.
    """

    def __init__(
        self,
        listing: Listing,
        order: Literal["updated_at desc", "id asc"],
        *,
        from_at: int,
        to_at: int,
        filtered: bool,
        known: Iterable[int] = (),
    ) -> None:
        self.listing = listing
        self.order: Order = order
        self.window = (from_at, to_at)
        self.seen = Seen()
        self._filtered = filtered
        self._by_id = order == "id asc"
        # What must be covered, in keys that grow along the list: ids, or seconds counted backwards.
        self._cover = Cover(None, None) if self._by_id else Cover(-to_at, -from_at)
        self._taken = dict.fromkeys(known, to_at)
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

    def ask(self) -> Ask | None:
        """What to ask next; None when answers must be awaited first."""
        if self.done:
            return None
        if not self._end_seen:
            return self._ask_ahead()
        return self._ask_for_gap()

    def take(self, ask: Ask, page: Page) -> list[LeadLine]:
        """The new leads of a page. Raises `FilterIgnored`, `TieTooLarge`, `ReadingUnproven`."""
        self._awaited -= 1
        self._answers += 1
        keys = [self._key(lead) for lead in page.leads]
        _check_listing(ask, page.leads)
        _check_order(ask, keys)
        _check_window(ask, page.leads)
        self._learn_limit(ask, page)
        self._learn_cover(ask, page, keys)
        return self._fresh(page.leads)

    def _ask_ahead(self) -> Ask | None:
        # One page more in flight for each answer: a short list costs no needless questions.
        if self._awaited > self._answers:
            return None
        number, limit = page_over(self._next_position, self._limit)
        self._next_position = max(number * limit - self._overlap, self._next_position + 1)
        return self._send(number, limit)

    def _ask_for_gap(self) -> Ask | None:
        if self._awaited:
            return None
        gap = self._cover.first_gap()
        if self._probe is None or self._probe.gap != gap:
            self._probe = _Probe(gap, self._cover.position_before(gap), self._limit)
        self._probe.tries += 1
        if self._probe.tries > MOST_PROBES:
            raise ReadingUnproven(
                f"Reading {self.listing} by page number",
                came_back=f"its pages would not overlap, {MOST_PROBES} times in a row: leads are being changed "
                "faster than they can be read.",
                mend="Materialise the day again when fewer leads are being changed.",
            )
        number, limit = page_over(self._probe.position, self._limit)
        return self._send(number, limit)

    def _send(self, number: int, limit: int) -> Ask:
        self._awaited += 1
        from_at, to_at = self.window if self._filtered else (None, None)
        return Ask(self.listing, self.order, from_at, to_at, page=number, limit=limit)

    def _learn_limit(self, ask: Ask, page: Page) -> None:
        if page.has_next and len(page.leads) < min(ask.limit, self._limit):
            # The server gives smaller pages than asked for, so its page numbers count in them.
            self._limit = len(page.leads)
            self._probe = None
            self._next_position = len(page.leads) - self._overlap if ask.page == 1 else 0

    def _learn_cover(self, ask: Ask, page: Page, keys: list[int]) -> None:
        position = (ask.page - 1) * min(ask.limit, self._limit)
        if not page.leads:
            self._end_seen = True
            if ask.page == 1:
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
            raise TieTooLarge
        if self._probe:
            self._probe.learn(low, high, position, len(keys))
        self._cover.add(low, high, end_position=position + len(keys))
        self._end_seen |= not page.has_next or self._cover.is_behind(keys[-1])
        if self._probe and self._probe.tries >= MOST_PROBES_BY_TIME and not (self._by_id or self.done):
            raise TieTooLarge

    def _matters(self, keys: list[int]) -> bool:
        return -self.window[1] <= keys[-1] and keys[0] <= -self.window[0]

    def _fresh(self, leads: Iterable[LeadLine]) -> list[LeadLine]:
        from_at, to_at = self.window
        inside = [lead for lead in leads if from_at <= lead.updated_at <= to_at]
        fresh = [lead for lead in inside if self._taken.get(lead.id) != lead.updated_at]
        self._taken.update((lead.id, lead.updated_at) for lead in fresh)
        self.seen.repeats += len(inside) - len(fresh)
        return fresh

    def _key(self, lead: LeadLine) -> int:
        return lead.id if self._by_id else -lead.updated_at

    @property
    def _overlap(self) -> int:
        # Ids are unique, so one shared lead closes a seam; seconds need a whole one on both sides of it.
        return min(1 if self._by_id else 5, self._limit - 1)


class Cover:
    """Closed intervals of keys, merged as they come, and the places in the list where they ended.

    None stands for the beginning or the end of the list.
    """

    _START, _END = -(1 << 80), 1 << 80

    def __init__(self, low: int | None, high: int | None) -> None:
        self._low = self._START if low is None else low
        self._high = self._END if high is None else high
        self._runs: list[tuple[int, int]] = []
        self._ends: list[tuple[int, int]] = []

    def add(self, low: int | None, high: int | None, *, end_position: int) -> None:
        """Count `[low, high]` as covered; the page ended at `end_position` of the list."""
        start = self._START if low is None else low
        end = self._END if high is None else high
        self._ends.append((end, end_position))
        if start > end:
            return
        apart = [run for run in self._runs if run[1] + 1 < start or end + 1 < run[0]]
        joined = [run for run in self._runs if run not in apart]
        merged = min([start, *(run[0] for run in joined)]), max([end, *(run[1] for run in joined)])
        self._runs = sorted([*apart, merged])

    @property
    def complete(self) -> bool:
        return self.first_gap() > self._high

    @property
    def covered_from_start(self) -> int:
        """The last key up to which nothing is missing."""
        return self.first_gap() - 1

    def first_gap(self) -> int:
        """The first key that is needed and not covered; behind the last needed one when all is covered."""
        for low, high in self._runs:
            if low <= self._low <= high:
                return high + 1
        return self._low

    def is_behind(self, key: int) -> bool:
        """Whether a key lies behind everything needed."""
        return key > self._high

    def position_before(self, gap: int) -> int:
        """Where in the list the last page ended that lies wholly before a gap, by the newest knowledge."""
        return max((position for end, position in self._ends if end < gap), default=0)


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


def _check_listing(ask: Ask, leads: tuple[LeadLine, ...]) -> None:
    if ask.listing == "deleted" and not all(lead.is_deleted for lead in leads):
        raise DeletedIgnored


def _check_order(ask: Ask, keys: list[int]) -> None:
    if any(later < earlier for earlier, later in pairwise(keys)):
        raise ReadingUnproven(
            f"Reading {ask.listing} by {ask.order}",
            came_back="amoCRM sent leads in another order than asked for, and without an order nothing proves "
            "that a reading is complete.",
            mend="Report this account's behaviour. If it is only the trash, import_deleted: false leaves it out.",
        )


def _check_window(ask: Ask, leads: tuple[LeadLine, ...]) -> None:
    from_at, to_at = ask.from_at, ask.to_at
    if from_at is None or to_at is None:
        return
    if any(not from_at <= lead.updated_at <= to_at for lead in leads):
        raise FilterIgnored
