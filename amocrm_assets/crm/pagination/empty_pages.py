"""Which empty pages are believed. Pure.

A server, or a gateway before it, may answer every list with 204 for some seconds, and a query that is only
repeated gets the same response. So an empty page is held back until the response to a later request, the witness,
contains a record. Then its query is sent again, and a second empty page is believed: what was wrong has ended.

A list without any record has no such witness. It is believed to be empty if its newest record is twice missing,
the second time after a record of another list was seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination.query import newest_of
from amocrm_assets.entities import NEVER_EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amocrm_assets.crm.pagination.keyset import KeysetPaginator
    from amocrm_assets.entities import RecordList

# If even the list that is never empty has no record, it is requested so often in a row, about half a minute.
MAX_EMPTY = 8
# So often the newest record of a list has to be missing.
MISSING_TWICE = 2


class Witness:
    """The part that requests one record, whichever, to see whether amoCRM returns any."""


@dataclass(frozen=True)
class _Held:
    """A page that was empty when `since` queries had been sent."""

    part: Any
    query: Any
    page: Any
    since: int


class EmptyPages:
    """Holds back empty pages of one reading.

    `newest` returns a query that is empty only if its list has no record; None if no such query is known.
    """

    def __init__(self, newest: Callable[[RecordList], Any | None]) -> None:
        self._newest = newest
        self._witness = Witness()
        self._sent = 0
        self._in_flight: dict[int, RecordList] = {}
        # The number of the latest query of each list whose response contained a record.
        self._served: dict[RecordList, int] = {}
        self._newest_missing: Counter[RecordList] = Counter()
        self._found_nothing = 0  # the number of the latest query to which the account had no record at all
        self._held: list[_Held] = []
        self._repeated: set[tuple[object, Any]] = set()
        self._witness_is_sent = False

    def send(self, query: Any) -> Any:
        """The query with its number; each query has to be sent with one."""
        self._sent += 1
        self._in_flight[self._sent] = query.record_list
        return replace(query, number=self._sent)

    def received(self, part: object, query: Any) -> None:
        """The response to a query has arrived, or it failed."""
        del self._in_flight[query.number]
        self._witness_is_sent &= not isinstance(part, Witness)

    def holds_back(self, part: object, query: Any, page: Any, *, may_be_empty: bool = False) -> bool:
        """Process a page; returns whether it must not be used yet. `may_be_empty`: that would prove nothing."""
        own = query.record_list
        if page.size:
            self._served[own] = max(query.number, self._served.get(own, 0))
            self._repeated.discard((part, query))
            return False
        if isinstance(part, Witness):
            self._newest_missing[own] += 1
            if own == NEVER_EMPTY:
                self._found_nothing = query.number
            return False
        if may_be_empty or (part, query) in self._repeated or self._is_empty(own):
            return False
        self._held.append(_Held(part, query, page, self._sent))
        return True

    def without_doubtful(self, slices: Iterable[KeysetPaginator]) -> list[KeysetPaginator]:
        """The slices that are unlikely to be empty: while pages are held back, those that had a page."""
        doubtful = {each.part for each in self._held} | {part for part, _ in self._repeated}
        return [each for each in slices if each not in doubtful and (each.page_seconds or not self._held)]

    def pop_repeatable(self) -> list[tuple[Any, Any]]:
        """Parts and queries that may be sent again, since a witness was seen after them."""
        witnessed = self._pop([each for each in self._held if self._is_witnessed(each)])
        self._repeated |= {(each.part, each.query) for each in witnessed}
        return [(each.part, each.query) for each in witnessed]

    def pop_believed(self) -> list[tuple[Any, Any, Any]]:
        """Pages, with their parts and queries, of lists that have turned out to be empty."""
        believed = self._pop([each for each in self._held if self._is_empty(each.query.record_list)])
        return [(each.part, each.query, each.page) for each in believed]

    def next_newest(self) -> tuple[Witness, Any] | None:
        """A request for the newest record of a list without a record so far, before those of other lists."""
        for each in self._held:
            if not self._witness_is_sent and self._needs_newest(each):
                return self._request(self._newest(each.query.record_list))
        return None

    def next_witness(self) -> tuple[Witness, Any] | None:
        """A witness for the pages that are held back; None while a query in flight may be one, or be empty too."""
        if self._witness_is_sent or not self._held:
            return None
        own = self._held[0].query.record_list
        if any(own == sent or not self._needs_own_record(own) for sent in self._in_flight.values()):
            return None
        if own in self._served:
            return self._request(self._newest(own), max_empty=None)
        max_empty = None if NEVER_EMPTY in self._served else MAX_EMPTY
        return self._request(newest_of(NEVER_EMPTY), max_empty=max_empty)

    def _request(self, query: Any, *, max_empty: int | None = 1) -> tuple[Witness, Any]:
        self._witness_is_sent = True
        return self._witness, replace(query, max_empty=max_empty)

    def _pop(self, popped: list[_Held]) -> list[_Held]:
        self._held = [each for each in self._held if each not in popped]
        return popped

    def _needs_own_record(self, record_list: RecordList) -> bool:
        return record_list in self._served or record_list == NEVER_EMPTY

    def _needs_newest(self, held: _Held) -> bool:
        own = held.query.record_list
        if self._needs_own_record(own) or self._newest(own) is None:
            return False
        missing = self._newest_missing[own]
        return not missing or (missing < MISSING_TWICE and self._other_is_served(held))

    def _is_empty(self, record_list: RecordList) -> bool:
        is_own_witness = self._needs_own_record(record_list)
        return not is_own_witness and self._newest_missing[record_list] >= MISSING_TWICE

    def _is_witnessed(self, held: _Held) -> bool:
        own = held.query.record_list
        if own in self._served:
            return self._served[own] > held.since
        if own == NEVER_EMPTY:
            return self._found_nothing > held.since
        return self._newest(own) is None and self._other_is_served(held)

    def _other_is_served(self, held: _Held) -> bool:
        return max(self._found_nothing, *self._served.values(), 0) > held.since
