"""Which slices of an appended list are asked for, side by side, until each was read. Pure.

Queries are sent by `appended_reader`; `appended_slice` says when a slice is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.appended_pages import parse_appended
from amocrm_assets.crm.pagination.appended_slice import Slice
from amocrm_assets.crm.pagination.appended_state import AppendedState
from amocrm_assets.crm.pagination.traits import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedQuery, AppendedRecord
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList


class AppendedPlanner:
    """Reads one window of the given lists."""

    def __init__(
        self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits = UNKNOWN
    ) -> None:
        self._states = [AppendedState(each, traits) for each in record_lists]
        self._slices = [Slice(state, window.from_at, window.to_at) for state in self._states]
        self._read = 0

    @property
    def done(self) -> bool:
        """Whether every slice was read."""
        return not self._slices

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found out about the lists so far."""
        return tuple(finding for state in self._states for finding in state.findings)

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds of which records may still come."""
        return tuple(each.window for each in self._slices)

    @property
    def counts(self) -> dict[str, int]:
        """How the planner went about the window, under the names that the metadata shows."""
        return {
            "duplicates": sum(state.duplicates for state in self._states),
            "slices": self._read + len(self._slices),
            "tied_seconds": sum(state.tied_seconds for state in self._states),
        }

    def next_query(self) -> tuple[Slice, AppendedQuery] | None:
        """What to ask now, the oldest seconds first; None when only awaited answers can tell."""
        for each in self._slices:
            if query := each.next_query():
                return each, query
        return None

    def parse(self, query: AppendedQuery, answer: Response) -> AppendedPage:
        """The page in an answer."""
        return parse_appended(query, answer)

    def add_failure(self, slice_: Slice, query: AppendedQuery) -> None:
        """A page was not answered: smaller ones are asked for from now on."""
        slice_.state.failed(query)
        slice_.failed()

    def add_page(self, slice_: Slice, query: AppendedQuery, page: AppendedPage) -> list[AppendedRecord]:
        """The records of a slice, once all of them are there; nothing before."""
        match slice_.add_page(query, page):
            case "ask on":
                return []
            case "split":
                place = self._slices.index(slice_)
                self._slices[place : place + 1] = slice_.split(page)
                return []
        self._slices.remove(slice_)
        self._read += 1
        return list(slice_.records.values())
