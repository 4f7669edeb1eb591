"""Which slices of an appended list are requested, several at a time, until each is read. Pure.

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
        """Findings about the lists so far."""
        return tuple(finding for state in self._states for finding in state.findings)

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds whose records are not complete yet."""
        return tuple(each.window for each in self._slices)

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the planner's work on the window, by their names in the metadata."""
        return {
            "duplicates": sum(state.duplicates for state in self._states),
            "slices": self._read + len(self._slices),
            "tied_seconds": sum(state.tied_seconds for state in self._states),
        }

    def next_query(self) -> tuple[Slice, AppendedQuery] | None:
        """The next query, the oldest seconds first; None if it depends on responses that have not arrived."""
        for each in self._slices:
            if query := each.next_query():
                return each, query
        return None

    def parse(self, query: AppendedQuery, response: Response) -> AppendedPage:
        """The page in a response."""
        return parse_appended(query, response)

    def add_failure(self, slice_: Slice, query: AppendedQuery) -> None:
        """A page failed: smaller ones are requested from now on."""
        slice_.state.failed(query)
        slice_.failed()

    def add_page(self, slice_: Slice, query: AppendedQuery, page: AppendedPage) -> list[AppendedRecord]:
        """The records of a slice, once all of them have been received; nothing before."""
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
