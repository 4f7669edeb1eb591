"""The walk by `updated_at`: an edit cannot make it skip a lead that nobody touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.query import CONFIRMATIONS, PageStats, Query, validate_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.query import RecordList

NOTHING_KNOWN: Mapping[int, int] = {}


@dataclass(frozen=True)
class DenseRange:
    """Seconds that are to be read by id; `ids` of the first one were given out already."""

    from_at: int
    to_at: int
    ids: frozenset[int]


class KeysetPaginator:
    """Walks `[cursor, to_at]` by `updated_at`, the next page beginning in the last lead's second, inclusive.

    An edit moves a lead to the right, out of what is still to come or to its end; page 1 of what is left can
    therefore never skip a lead that nobody touched.
    """

    def __init__(
        self,
        record_list: RecordList,
        from_at: int,
        to_at: int,
        *,
        leads_per_second: float | None = None,
        known: Mapping[int, int] = NOTHING_KNOWN,
    ) -> None:
        self.record_list = record_list
        self.cursor = from_at
        self.to_at = to_at
        self.leads_per_second = leads_per_second
        self.page_seconds: int | None = None
        self.in_flight = False
        self.done = False
        self.seen = PageStats()
        self._known = known  # leads given out already, with their seconds
        self._at_cursor: frozenset[int] = frozenset()
        self._empty_answers = 0
        self._page_seen = leads_per_second is not None

    @property
    def open_interval(self) -> tuple[int, int] | None:
        """The seconds of which leads may still come."""
        return None if self.done else (self.cursor, self.to_at)

    def next_query(self) -> Query | None:
        """What to ask next; None while an answer is awaited or when all is read."""
        if self.in_flight or self.done:
            return None
        self.in_flight = True
        return Query(self.record_list, "updated_at asc", self.cursor, self.to_at)

    def add_page(self, query: Query, page: Page) -> tuple[list[RawRecord], DenseRange | None]:
        """The new leads of a page, and the tie that it ran into: a second that fills a whole page."""
        self.in_flight = False
        validate_page(query, page.leads, [lead.updated_at for lead in page.leads])
        if not page.leads and self._empty_answers < self._confirmations:
            self._empty_answers += 1
            return [], None
        return self._advance(page)

    @property
    def _confirmations(self) -> int:
        """How often an empty answer is asked again before it is believed."""
        if self._page_seen:
            return (
                CONFIRMATIONS  # a page said that there are more: this walk's, or that of the one it was cut from
            )
        # An empty trash is the rule. Mistaking it for a broken answer would cost each reading a request.
        return 1 if self.record_list == "leads" else 0

    def split(self, start_at: int) -> KeysetPaginator:
        """Give away everything from `start_at` to a walk of its own."""
        rest = KeysetPaginator(
            self.record_list, start_at, self.to_at, leads_per_second=self.leads_per_second, known=self._known
        )
        self.to_at = start_at - 1
        return rest

    def hand_off(self, to_at: int) -> DenseRange:
        """Give away everything up to `to_at`."""
        given = frozenset(lead for lead, at in self._known.items() if at == self.cursor)
        dense = DenseRange(self.cursor, min(to_at, self.to_at), self._at_cursor | given)
        self.cursor = dense.to_at + 1
        self._at_cursor = frozenset()
        self.leads_per_second = self.page_seconds = None  # what was dense there says nothing about the rest
        self.done = self.cursor > self.to_at
        return dense

    def _was_given(self, lead: RawRecord) -> bool:
        at_cursor = lead.updated_at == self.cursor and lead.id in self._at_cursor
        return at_cursor or self._known.get(lead.id) == lead.updated_at

    def _advance(self, page: Page) -> tuple[list[RawRecord], DenseRange | None]:
        leads = [lead for lead in page.leads if lead.updated_at <= self.to_at]
        cut_off = len(leads) < len(page.leads)  # the walk was cut after it had asked: the rest has another reader
        ids_at_cursor = {lead.id for lead in leads if lead.updated_at == self.cursor}
        fresh = [lead for lead in leads if not self._was_given(lead)]
        self.seen.duplicates += len(leads) - len(fresh)
        self._empty_answers = 0
        if not page.has_next or cut_off:
            self.seen.moved_out += len(self._at_cursor - ids_at_cursor)
            self.done = True
            return fresh, None
        first, last = page.leads[0].updated_at, page.leads[-1].updated_at
        self._page_seen = True
        self.page_seconds = last - first + 1
        self.leads_per_second = len(page.leads) / self.page_seconds
        if first == last:
            self._at_cursor = self._at_cursor if last == self.cursor else frozenset()
            self.cursor = last
            return [], self.hand_off(last)
        self.seen.moved_out += len(self._at_cursor - ids_at_cursor)
        self.cursor = last
        self._at_cursor = frozenset(lead.id for lead in leads if lead.updated_at == last)
        return fresh, None
