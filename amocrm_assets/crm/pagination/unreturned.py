"""Records that were received by one slice and belong to another one, which has to return them, too.

A slice that answers empty is contradicted by such a record, in whatever response it came. It is looked for again
at the end of its list, by the query that found it: it may have been edited in the meantime.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.query import PageStats, Query, unproven
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.errors import ReadingUnproven

    Version = tuple[int, int]  # id and second of a record

# A slice requests its first page and, for the seam, the second one.
FIRST_RECORDS = 2 * PAGE_LIMIT
MAX_FAILED_CHECKS = 3


class Unreturned:
    """The records of one list that their slices have not returned yet."""

    def __init__(self) -> None:
        self._found_by: dict[Version, Query] = {}
        # The first records of each slice: what a page of a slice before may contain, even if it comes later.
        self._first: set[Version] = set()
        self._counts: Counter[object] = Counter()
        # Their seconds, once these are read again: only records within them are waited for from then on.
        self.read_again: Window | None = None

    def __bool__(self) -> bool:
        return bool(self._found_by)

    @property
    def interval(self) -> Window | None:
        """The seconds that contain them."""
        seconds = [at for _, at in self._found_by]
        return Window(min(seconds), max(seconds)) if seconds else None

    @property
    def query(self) -> Query:
        """The query that found one of them."""
        return next(iter(self._found_by.values()))

    def learn(self, slice_: object, query: Query, received: Iterable[RawRecord], fresh: list[RawRecord]) -> None:
        """Process a page of a slice: `received` were not returned before it, and `fresh` are returned now."""
        returned, found_by = self._pop(fresh), replace(query, details=False)
        if self._counts[slice_] < FIRST_RECORDS:
            self._counts[slice_] += len(fresh)
            self._first |= returned
        for record in received:
            version = _version(record)
            is_wanted = self.read_again is None or self.read_again.holds(record.updated_at)
            if is_wanted and version not in returned and version not in self._first:
                self._found_by[version] = found_by

    def learn_returned(self, records: list[RawRecord]) -> None:
        """Process records that are returned by id, of which any may be received again."""
        self._first |= self._pop(records)

    def _pop(self, records: list[RawRecord]) -> set[Version]:
        returned = set(map(_version, records))
        for version in returned & self._found_by.keys():
            del self._found_by[version]
        return returned

    def forget(self, before: int) -> None:
        """No slice is before this second any more."""
        self._first = {version for version in self._first if version[1] >= before}

    def compare(self, query: Query, page: Page) -> tuple[int, bool]:
        """Forget records that `query` no longer finds; returns their number, and whether it still finds others."""
        shown = set(map(_version, page.records))
        query = replace(query, details=False)
        mine = {version for version, found_by in self._found_by.items() if found_by == query}
        for version in mine - shown:
            del self._found_by[version]
        return len(mine - shown), bool(mine & shown)


class UnreturnedCheck:
    """A paginator that looks for the unreturned records of a list whose other paginators have finished."""

    def __init__(self, state: ListState) -> None:
        self.state = state
        self.seen = PageStats()
        self.returned: dict[int, int] = {}
        self.in_flight = False
        self.is_contradicted = False
        self._failures = 0

    @property
    def done(self) -> bool:
        """Whether each of them has been looked for; `is_contradicted`: one was found."""
        return self.is_contradicted or not self.state.unreturned

    @property
    def open_interval(self) -> Window | None:
        """The seconds of these records."""
        return self.state.unreturned.interval

    @property
    def progress(self) -> tuple[object, ...]:
        """A value that changes whenever a response has advanced this paginator."""
        return (self.open_interval, self.is_contradicted)

    def next_query(self) -> Query | None:
        """The query that found the first of them; None until the response has arrived."""
        if self.in_flight or self.done:
            return None
        self.in_flight = True
        return self.state.unreturned.query

    def failed(self) -> None:
        """The query failed. A smaller page may not reach the record, so the same one is requested again.

        Raises `ReadingUnproven` after `MAX_FAILED_CHECKS`.
        """
        self.in_flight = False
        self._failures += 1
        if self._failures == MAX_FAILED_CHECKS:
            raise self._unproven()

    def add_page(self, query: Query, page: Page) -> list[RawRecord]:
        """Process a page. Raises `ReadingUnproven` if a record is found after its seconds were read again."""
        self.in_flight = False
        moved_out, self.is_contradicted = self.state.unreturned.compare(query, page)
        self.seen.moved_out += moved_out
        if self.is_contradicted and self.state.unreturned.read_again:
            raise self._unproven()
        return []

    def _unproven(self) -> ReadingUnproven:
        return unproven(
            self.state.unreturned.query,
            cause="amoCRM returns some of its records in one response, and leaves them out of the responses for"
            " their own seconds.",
            fix="Materialise the day again; if it still fails, report this account's behaviour.",
        )


def _version(record: RawRecord) -> Version:
    return record.id, record.updated_at
