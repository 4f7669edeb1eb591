"""Where a walk by `updated_at` is: its second, which leads of it were given out, and from which second to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.list_state import ListState
    from amocrm_assets.crm.pagination.query import Query

NO_LEADS: frozenset[int] = frozenset()


class Cursor:
    """A second up to which all leads were given out, itself excluded, and the leads that may come once more."""

    def __init__(self, state: ListState, second: int, known: Mapping[int, int]) -> None:
        self.second = second
        self._state = state
        self._known = known  # leads given out already, with their seconds
        self._leads = NO_LEADS  # those of the second that were given out
        # Nobody documents whether `from` holds its own second, so a first page asks from the second before.
        self._reach = 1

    @property
    def from_at(self) -> int:
        """The second to ask from."""
        return self.second - self._reach

    @property
    def given(self) -> dict[int, int]:
        """Leads given out already that may come again, with their seconds."""
        return {**self._known, **dict.fromkeys(self._leads, self.second)}

    def move_to(self, second: int, leads: frozenset[int] = NO_LEADS) -> None:
        """Go on from a second of which these leads were given out."""
        if second <= self.second:
            self._known = self.given  # they may come again
        self.second, self._leads = second, leads
        self._reach = 0 if leads and self._state.from_is_inclusive else 1

    def leave_out_second_before(self) -> int:
        """Ask from its own second on; how many of its leads may have moved out.

        The second before fills a page, which proves that `from` holds its own.
        """
        left = len(self._leads)
        self._leads, self._reach = NO_LEADS, 0
        return left

    def know(self, leads: Iterable[RawRecord]) -> None:
        """Take note of leads that are given out, wherever they lie."""
        self._known = {**self._known, **{lead.id: lead.updated_at for lead in leads}}

    def fresh(self, leads: Iterable[RawRecord], to_at: int) -> list[RawRecord]:
        """Those of the leads from here to `to_at` that were not given out yet."""
        return [
            lead
            for lead in leads
            if self.second <= lead.updated_at <= to_at
            and not (self._holds(lead) or self._known.get(lead.id) == lead.updated_at)
        ]

    def learn_from(self, query: Query, page: Page) -> None:
        """Whether `from` holds its own second, by what came."""
        if any(lead.updated_at == query.from_at for lead in page.leads):
            self._state.from_is_inclusive = True
        elif self._reach and any(self._holds(lead) for lead in page.leads):
            # Asked for from their own second, these leads did not come; from the second before, they do.
            self._state.from_is_inclusive = False

    def reach_back(self) -> None:
        """Ask from the second before."""
        self._reach = 1

    def misses_all(self, leads: Iterable[RawRecord]) -> bool:
        """Whether no lead of this second came, though it was asked for: edited, or left out by `from`."""
        return not self._reach and bool(self._leads) and not any(self._holds(lead) for lead in leads)

    def moved_out(self, leads: Sequence[RawRecord]) -> int:
        """How many leads of this second are not among the leads that came."""
        return len(self._leads - {lead.id for lead in leads if lead.updated_at == self.second})

    def _holds(self, lead: RawRecord) -> bool:
        return lead.updated_at == self.second and lead.id in self._leads
