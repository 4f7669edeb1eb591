"""The walk by `updated_at`: an edit cannot make it skip a lead that nobody touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.crm.walks.asking import CONFIRMATIONS, Ask, Seen, check_page

if TYPE_CHECKING:
    from amocrm_assets.crm.pages import LeadLine, Page
    from amocrm_assets.crm.walks.asking import Listing


@dataclass(frozen=True)
class Tie:
    """A second that fills a whole page, so it must be read by id; `ids` of it were given out already."""

    second: int
    ids: frozenset[int]


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
        check_page(ask, page.leads, [lead.updated_at for lead in page.leads])
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
