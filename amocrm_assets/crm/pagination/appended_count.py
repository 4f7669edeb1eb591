"""Verifies by a count that consecutive slices contain all of their records. Pure.

A single response without a next page does not prove that it was the whole slice. So the last page of the records
of several slices is requested, in pages of a size that leaves room on it: it has to be as long as their count
says, in whatever order the list is. A server may send an empty page by mistake, so that is not what is expected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.appended_pages import AppendedQuery
from amocrm_assets.crm.pagination.query import MIN_PAGE
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedRecord
    from amocrm_assets.crm.pagination.appended_slice import Slice

    Verdict = Literal["verified", "ask on", "read again"]

# Slices are verified together up to about this number of records: some accounts refuse pages at greater depths.
MAX_RECORDS = 2_000
MAX_ATTEMPTS = 3
MIN_COUNT_ON_TWO_PAGES = 3


@dataclass(eq=False)
class Attempt:
    """An attempt to read some seconds of a list. `records` are those of earlier attempts, kept by id."""

    number: int = 1
    records: dict[str, AppendedRecord] = field(default_factory=dict)


class SliceGroup:
    """Consecutive slices of one attempt that were read. `records` are theirs, by id."""

    def __init__(self, slices: Sequence[Slice]) -> None:
        first, last = slices[0], slices[-1]
        self.state = first.state
        self.attempt = first.attempt
        self.windows = [each.window for each in slices]
        self.window = Window(first.window.from_at, last.window.to_at)
        self.records = dict(self.attempt.records)
        for each in slices:
            self.records |= each.records
        # The bounds of the first and last slice as they were sent, so that the same records are counted.
        self._bounds = Window(first.sent.from_at, last.sent.to_at)
        self._count = sum(each.window.holds(at) for each in slices for at in each.listed)
        self._count += sum(at < self.window.from_at for at in first.listed)
        self._count += sum(at > self.window.to_at for at in last.listed)
        self._in_flight = self._is_repeated = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to count: that a slice is empty was confirmed already."""
        return not self._count

    def next_query(self) -> AppendedQuery | None:
        """The query for the last page of the records; None until the response has arrived."""
        if self._in_flight:
            return None
        self._in_flight = True
        limit = _limit_with_room(self._count, min(self.state.limit, max(self.state.longest_page, MIN_PAGE)))
        page = self._count // limit + 1
        return AppendedQuery(self.state.record_list, self._bounds.from_at, self._bounds.to_at, page, limit)

    def failed(self) -> None:
        """The query failed."""
        self._in_flight = False

    def add_page(self, query: AppendedQuery, page: AppendedPage) -> Verdict:
        """Whether the count is right. A page of another length is requested twice before all are read again."""
        self._in_flight = False
        self.state.learn(query, page)
        if page.size == self._count - (query.page - 1) * query.limit:
            return "verified"
        if not self._is_repeated:
            self._is_repeated = True
            return "ask on"
        return "read again"


def _limit_with_room(count: int, max_limit: int) -> int:
    """The largest size of pages at which the last page of so many records has some, and room for more.

    From three records on, not all are on one page, which is the query that returned them.
    """
    if count < MIN_COUNT_ON_TWO_PAGES:
        return count + 1
    sizes = (size for size in range(min(count - 1, max_limit), 1, -1) if count % size)
    return next(sizes, max_limit)  # none of pages of 10 and a multiple of 2,520: the page behind them is empty


def group_read_slices(parts: Sequence[Slice | SliceGroup]) -> list[Slice | SliceGroup]:
    """The same parts, with groups instead of slices that can be verified.

    These are all that were read between two other parts, or enough of them next to a slice that is still read.
    """
    runs = _runs(parts)
    grouped: list[Slice | SliceGroup] = []
    for place, ((attempt, is_read), run) in enumerate(runs):
        if not is_read:
            grouped += run
            continue
        *full, rest = _batches([each for each in run if not isinstance(each, SliceGroup)])
        grouped += map(SliceGroup, full)
        beside = {key for key, _ in runs[max(place - 1, 0) : place + 2]}
        grouped += rest if (attempt, False) in beside else map(SliceGroup, [rest] if rest else [])
    return grouped


def _runs(
    parts: Sequence[Slice | SliceGroup],
) -> list[tuple[tuple[Attempt, bool | None], list[Slice | SliceGroup]]]:
    """Consecutive parts of one attempt and kind. Between two parts may be seconds that are verified already."""
    ends = [None, *(each.window.to_at + 1 for each in parts[:-1])]
    gaps = accumulate(each.window.from_at != end for each, end in zip(parts, ends, strict=True))
    runs = groupby(zip(gaps, parts, strict=True), key=lambda each: (each[0], *_kind(each[1])))
    return [((attempt, is_read), [part for _, part in run]) for (_, attempt, is_read), run in runs]


def _kind(part: Slice | SliceGroup) -> tuple[Attempt, bool | None]:
    return part.attempt, None if isinstance(part, SliceGroup) else part.is_read


def _batches(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Lists of slices with enough records to be verified, and a last one with the rest."""
    cut: list[list[Slice]] = [[]]
    count = 0
    for each in slices:
        cut[-1].append(each)
        count += len(each.records)
        # An attempt that is repeated is verified as a whole, as it was before.
        if each.attempt.number == 1 and count >= MAX_RECORDS:
            cut.append([])
            count = 0
    return cut
