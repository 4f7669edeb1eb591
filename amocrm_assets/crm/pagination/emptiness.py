"""Whether the seconds of an empty page have no records, shown by the records before them. Pure.

A server that sends an empty page by mistake may send it twice, so a second one proves little. The newest records
up to the end of these seconds prove more: if they are before the seconds, none is within them. The order of a list
of appended records is not documented: if the oldest ones come first, those after the seconds prove the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from amocrm_assets.crm.pagination.query import MIN_PAGE
from amocrm_assets.days import Window
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from amocrm_assets.entities import RecordList

# `contradicted`: the query should have returned records. `nothing`: no record up to the end of its seconds.
# `unclear`: this page shows neither. `unsorted`: nor does any other one of its list. `live`: nor do live records.
# `ascending`: but records after the seconds may show it.
Verdict = Literal["empty", "contradicted", "nothing", "unclear", "unsorted", "ascending", "live"]

# Enough to show that they are sorted, and few enough to be cheap. Larger than the smallest page, so that a request
# which is too slow is given up.
NEWEST_RECORDS = 25
# 0 might be read as no filter, and larger numbers as none at all.
_FIRST_SECOND, _LAST_SECOND = 1, 2**31 - 1
# So often a page may be empty although its seconds have a record; after that the reading fails.
MAX_CONTRADICTIONS = 6
# After so many pages of a list with records of later seconds than requested, it is taken to ignore such filters.
MAX_UNFILTERED = 4


@dataclass(frozen=True)
class EmptyPage:
    """A page that was empty when `since` queries had been sent."""

    part: Any
    query: Any
    page: Any
    since: int

    @property
    def key(self) -> tuple[object, Any]:
        """Equal for the responses to one query of one part."""
        return self.part, self.query


class Newest:
    """The part that requests the newest records up to the end of the seconds of an empty page.

    `is_ascending`: of a list with the oldest records first, it requests the first ones from their beginning.
    """

    def __init__(self, empty_page: EmptyPage, *, is_ascending: bool) -> None:
        self.of = empty_page
        self.is_ascending = is_ascending
        query = empty_page.query
        self.requested = (
            Window(query.from_at, _LAST_SECOND) if is_ascending else Window(_FIRST_SECOND, query.to_at)
        )

    @property
    def query(self) -> Any:
        """The query to send."""
        own, from_at, to_at = self.of.query.record_list, self.requested.from_at, self.requested.to_at
        query = replace(self.of.query, from_at=from_at, to_at=to_at, limit=NEWEST_RECORDS, details=False)
        return replace(query, order="updated_at desc") if own.kind == "moving" else query

    def empty_seconds(self, page: Any) -> Window:
        """The seconds between the records of a page and the end of those of the empty page."""
        query = self.of.query
        if self.is_ascending:
            return Window(query.from_at, min(page.times) - 1)
        return Window(max(page.times) + 1, query.to_at)


class EmptinessProofs:
    """The proofs for the empty pages of one reading, and the seconds that are known to have no records."""

    def __init__(self) -> None:
        self._due: list[EmptyPage] = []
        self._in_flight: list[EmptyPage] = []
        self._empty: list[tuple[RecordList, Window]] = []
        # Lists that do not return the newest records when these are requested.
        self._unsorted: set[RecordList] = set()
        self._unclear: set[tuple[object, Any]] = set()
        # Lists that return the oldest records first.
        self._ascending: set[RecordList] = set()
        self._contradictions: Counter[tuple[object, Any]] = Counter()
        # How often a list returned records of other seconds than requested.
        self._unfiltered: Counter[RecordList] = Counter()

    @property
    def parts(self) -> set[Any]:
        """The parts whose pages wait for a proof."""
        return {each.part for each in (*self._due, *self._in_flight)}

    def can_prove(self, part: object, query: Any) -> bool:
        """Whether the newest records may show that a query of a part has none."""
        is_by_time = query.from_at is not None and query.page == 1 and query.record_list.kind != "by_id"
        return is_by_time and query.record_list not in self._unsorted and (part, query) not in self._unclear

    def is_proven(self, query: Any) -> bool:
        """Whether all seconds of a query are known to have no records."""
        return any(
            query.record_list == own and window.from_at <= query.from_at and query.to_at <= window.to_at
            for own, window in self._empty
            if query.from_at is not None
        )

    def add(self, empty_page: EmptyPage) -> None:
        """Request the proof for a page of a query that `can_prove` accepts."""
        self._due.append(empty_page)

    def next_query(self) -> tuple[Newest, Any] | None:
        """The next query, if any is due."""
        if not self._due:
            return None
        empty_page = self._due.pop(0)
        self._in_flight.append(empty_page)
        newest = Newest(empty_page, is_ascending=empty_page.query.record_list in self._ascending)
        return newest, newest.query

    def pop_proven(self) -> list[EmptyPage]:
        """Pages that wait for their proof, and need none any more."""
        proven = [each for each in self._due if self.is_proven(each.query)]
        self._due = [each for each in self._due if each not in proven]
        return proven

    def add_page(self, newest: Newest, page: Any | None) -> Verdict:
        """What the newest records show. None: their page failed.

        Raises `ReadingUnproven` if a query whose seconds have a record is empty again and again.
        """
        empty_page = newest.of
        self._in_flight.remove(empty_page)
        own = empty_page.query.record_list
        verdict = self._verdict(newest, page) if page else "unsorted"
        if page and page.unusable and verdict not in {"contradicted", "live"}:
            verdict = "unclear"  # those without a time may be of any second
        match verdict:
            case "empty":
                self._empty.append((own, newest.empty_seconds(page)))
            case "ascending":
                self._ascending.add(own)
                self.add(empty_page)
            case "contradicted":
                self.contradict(empty_page)
            case "unclear":
                self._unclear.add(empty_page.key)
            case "unsorted":
                self._unsorted.add(own)
        return verdict

    def contradict(self, empty_page: EmptyPage) -> None:
        """Count that a query should have returned records. Raises `ReadingUnproven` after too many times."""
        self._contradictions[empty_page.key] += 1
        if self._contradictions[empty_page.key] == MAX_CONTRADICTIONS:
            raise _contradicted(empty_page)

    def _verdict(self, newest: Newest, page: Any) -> Verdict:
        own, times = newest.of.query.record_list, page.times
        if not page.size:
            return "nothing"
        if own.only_deleted and not all(record.is_deleted for record in page.records):
            return "live"
        if not times:
            return "unclear"
        if not all(map(newest.requested.holds, times)):
            # A list that ignores its filter is never empty, unless it ignores it for so many seconds only.
            self._unfiltered[own] += 1
            return "contradicted" if self._unfiltered[own] < MAX_UNFILTERED else "unsorted"
        is_whole = not page.has_next and page.size < MIN_PAGE
        if newest.is_ascending:
            return _compare([-at for at in times], -newest.of.query.to_at, is_whole=is_whole)
        verdict = _compare(times, newest.of.query.from_at, is_whole=is_whole)
        is_ascending = own.kind == "appended" and times == sorted(times)
        return "ascending" if verdict == "unsorted" and is_ascending else verdict

    def see_records(self, record_list: RecordList, page: Any) -> None:
        """Forget seconds that have records after all."""
        self._empty = [
            (own, window)
            for own, window in self._empty
            if own != record_list or not any(window.holds(at) for at in page.times)
        ]


def _compare(times: list[int], from_at: int, *, is_whole: bool) -> Verdict:
    """What records show that should be the newest ones up to a later second, or all of them (`is_whole`)."""
    if max(times) > from_at:
        return "contradicted"
    if any(earlier < later for earlier, later in pairwise(times)):
        return "unsorted"
    # Records of one second have no order. Whether `from` is inclusive is unknown.
    return "empty" if times[0] < from_at and (is_whole or times[0] > times[-1]) else "unclear"


def _contradicted(empty_page: EmptyPage) -> ReadingUnproven:
    query = empty_page.query
    return ReadingUnproven(
        f"Reading {query.record_list.name}" + (f" from {query.from_at} to {query.to_at}" if query.from_at else ""),
        cause="amoCRM returns some of its records in one response, and leaves them out of the responses that"
        f" should contain them, {MAX_CONTRADICTIONS} times.",
        fix="Materialise the day again; if it still fails, report this account's behaviour.",
    )
