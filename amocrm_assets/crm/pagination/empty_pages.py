"""Which empty pages are believed. Pure.

A server, or a gateway before it, may answer every list with 204 for some seconds, or any list now and then. A
query that is only repeated gets the same response. So an empty page is held back until `emptiness` proves that
nothing is missing from it.

If that proves nothing, because the list is not sorted or there is no earlier record, it is held back until the
response to a later request, the witness, contains a record. Then its query is sent again, and a second empty page
is believed: what was wrong has ended. If there is no earlier record, that has to be so three times.

A list without any record has no such witness. It is believed to be empty if its newest record is twice missing,
the second time after a record of another list was seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination.emptiness import EmptinessProofs, EmptyPage
from amocrm_assets.crm.pagination.query import newest_of
from amocrm_assets.entities import NEVER_EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amocrm_assets.crm.pagination.emptiness import Newest, Verdict
    from amocrm_assets.crm.pagination.keyset import KeysetPaginator
    from amocrm_assets.entities import RecordList

# If even the list that is never empty has no record, it is requested so often in a row, about half a minute.
MAX_EMPTY = 8
# So often the newest record of a list has to be missing.
MISSING_TWICE = 2
# So often, each time after a witness, a list with records has to have none up to the end of an empty page.
NOTHING_TWICE = 2


class Witness:
    """The part that requests one record, whichever, to see whether amoCRM returns any."""


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
        self._proofs = EmptinessProofs()
        # Those that wait for a witness, whose queries are sent again at once, or that need not wait any more.
        self._held: list[EmptyPage] = []
        self._to_repeat: list[EmptyPage] = []
        self._believed: list[EmptyPage] = []
        # How often there was no record up to the end of a page, after a witness.
        self._nothing: Counter[tuple[object, Any]] = Counter()
        # Parts and queries that were sent again after a witness.
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
            self._see_records(query, page)
            self._repeated.discard((part, query))
            return False
        if isinstance(part, Witness):
            self._newest_missing[own] += 1
            if own == NEVER_EMPTY:
                self._found_nothing = query.number
            return False
        if may_be_empty or self._is_empty(own) or self._proofs.is_proven(query):
            return False
        empty_page = EmptyPage(part, query, page, self._sent)
        if self._proofs.can_prove(part, query):
            self._proofs.add(empty_page)
            return True
        if empty_page.key in self._repeated:
            # A list that has just shown a record, and is requested as a whole, is not empty.
            if query.from_at is not None or query.page > 1 or own not in self._served:
                return False
            self._proofs.contradict(empty_page)
        self._held.append(empty_page)
        return True

    def add_newest(self, part: Newest, query: Any, page: Any | None) -> None:
        """Process the newest records that were requested for an empty page; None: their page failed."""
        empty_page = part.of
        verdict = self._proofs.add_page(part, page)
        if page and page.size and verdict != "live":
            self._see_records(query, page)
        match verdict:
            case "empty":
                self._believed += [empty_page, *self._proofs.pop_proven()]
            case "contradicted":
                self._repeated.discard(empty_page.key)
                self._to_repeat.append(empty_page)
            case "ascending":
                pass  # the proof is requested again, from the other side
            case _ if empty_page.key in self._repeated and not self._is_doubtful(empty_page, verdict):
                # Without a page, nothing can be used now: the query is sent once more.
                (self._believed if page else self._to_repeat).append(empty_page)
            case _:
                self._held.append(replace(empty_page, since=self._sent))

    def _is_doubtful(self, empty_page: EmptyPage, verdict: Verdict) -> bool:
        """Whether a list that has records may yet have some up to the end of these seconds."""
        if verdict != "nothing" or empty_page.query.record_list not in self._served:
            return False
        self._nothing[empty_page.key] += 1
        return self._nothing[empty_page.key] < NOTHING_TWICE

    def _see_records(self, query: Any, page: Any) -> None:
        own = query.record_list
        self._served[own] = max(query.number, self._served.get(own, 0))
        self._proofs.see_records(own, page)

    def next_newest_until(self) -> tuple[Newest, Any] | None:
        """A request for the newest records up to the end of an empty page."""
        return self._proofs.next_query()

    def without_doubtful(self, slices: Iterable[KeysetPaginator]) -> list[KeysetPaginator]:
        """The slices that are unlikely to be empty: while pages are held back, those that had a page."""
        empty = self._proofs.parts | {each.part for each in self._held}
        doubtful = empty | {part for part, _ in self._repeated}
        return [each for each in slices if each not in doubtful and (each.page_seconds or not empty)]

    def pop_repeatable(self) -> list[tuple[Any, Any]]:
        """Parts and queries to send again: after a witness, or a record that they should have returned."""
        witnessed = self._pop([each for each in self._held if self._is_witnessed(each)])
        self._repeated |= {each.key for each in witnessed}
        to_repeat, self._to_repeat = self._to_repeat, []
        return [each.key for each in (*witnessed, *to_repeat)]

    def pop_believed(self) -> list[tuple[Any, Any, Any]]:
        """Pages, with their parts and queries, that have turned out to be right, or of lists that are empty."""
        of_empty_lists = self._pop([each for each in self._held if self._is_empty(each.query.record_list)])
        believed, self._believed = [*self._believed, *of_empty_lists], []
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

    def _pop(self, popped: list[EmptyPage]) -> list[EmptyPage]:
        self._held = [each for each in self._held if each not in popped]
        return popped

    def _needs_own_record(self, record_list: RecordList) -> bool:
        return record_list in self._served or record_list == NEVER_EMPTY

    def _needs_newest(self, held: EmptyPage) -> bool:
        own = held.query.record_list
        if self._needs_own_record(own) or self._newest(own) is None:
            return False
        missing = self._newest_missing[own]
        return not missing or (missing < MISSING_TWICE and self._other_is_served(held))

    def _is_empty(self, record_list: RecordList) -> bool:
        is_own_witness = self._needs_own_record(record_list)
        return not is_own_witness and self._newest_missing[record_list] >= MISSING_TWICE

    def _is_witnessed(self, held: EmptyPage) -> bool:
        own = held.query.record_list
        if own in self._served:
            return self._served[own] > held.since
        if own == NEVER_EMPTY:
            return self._found_nothing > held.since
        return self._newest(own) is None and self._other_is_served(held)

    def _other_is_served(self, held: EmptyPage) -> bool:
        return max(self._found_nothing, *self._served.values(), 0) > held.since
