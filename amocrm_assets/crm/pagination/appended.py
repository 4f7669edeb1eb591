"""Which slices of an appended list are requested, several at a time, until each is read and verified. Pure.

Queries are sent by `appended_reader`; `appended_slice` says when a slice is read, `appended_count` whether it is
complete.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.appended_count import MAX_ATTEMPTS, Attempt, SliceGroup, group_read_slices
from amocrm_assets.crm.pagination.appended_pages import AppendedQuery, parse_appended
from amocrm_assets.crm.pagination.appended_slice import Slice
from amocrm_assets.crm.pagination.appended_state import AppendedState
from amocrm_assets.crm.pagination.emptiness import Newest
from amocrm_assets.crm.pagination.empty_pages import EmptyPages, Witness
from amocrm_assets.crm.pagination.findings import count_differs
from amocrm_assets.crm.pagination.pages import parse_page
from amocrm_assets.crm.pagination.traits import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedRecord
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.pagination.query import Query
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList

    Part = Slice | SliceGroup


class AppendedPlanner:
    """Reads one window of the given lists."""

    def __init__(
        self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits = UNKNOWN
    ) -> None:
        self._states = [AppendedState(each, traits) for each in record_lists]
        # For each list, the last query whose page had records, which therefore has some for ever.
        self._filled: dict[RecordList, AppendedQuery] = {}
        self._again: list[tuple[Part, AppendedQuery]] = []
        # In the order of their seconds; a group replaces its slices.
        self._parts: list[Part] = [Slice(state, window.from_at, window.to_at, Attempt()) for state in self._states]
        self._read = 0
        self._empty_pages = EmptyPages(self._filled.get)

    @property
    def done(self) -> bool:
        """Whether every slice was read and verified."""
        return not self._parts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings about the lists so far."""
        return tuple(finding for state in self._states for finding in state.findings)

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds whose records are not complete yet."""
        return tuple(each.window for each in self._parts)

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the planner's work on the window, by their names in the metadata."""
        unread = sum(isinstance(each, Slice) and not each.is_read for each in self._parts)
        return {
            "duplicates": sum(state.duplicates for state in self._states),
            "slices": self._read + unread,
            "tied_seconds": sum(state.tied_seconds for state in self._states),
        }

    def next_query(self) -> tuple[Part | Newest | Witness, AppendedQuery | Query] | None:
        """The next query, the oldest seconds first; None if it depends on responses that have not arrived."""
        due = self._due()
        return (due[0], self._empty_pages.send(due[1])) if due else None

    def _due(self) -> tuple[Part | Newest | Witness, AppendedQuery | Query] | None:
        self._again += self._empty_pages.pop_repeatable()
        if self._again:
            return self._again.pop(0)
        if newest := self._empty_pages.next_newest_until():
            return newest
        for each in self._parts:
            if query := each.next_query():
                return each, query
        return self._empty_pages.next_witness()

    def parse(self, query: AppendedQuery | Query, response: Response) -> AppendedPage | Page:
        """The page in a response."""
        if isinstance(query, AppendedQuery):
            return parse_appended(query, response)
        return parse_page(response, embedded=query.record_list.embedded)

    def add_failure(self, part: Part | Newest, query: AppendedQuery) -> None:
        """A page failed: smaller ones are requested from now on."""
        self._empty_pages.received(part, query)
        if isinstance(part, Newest):
            self._empty_pages.add_newest(part, query, None)
            return
        part.state.failed(query)
        part.failed()

    def add_page(
        self, part: Part | Newest | Witness, query: AppendedQuery, page: AppendedPage
    ) -> list[AppendedRecord]:
        """The records of slices, once all of them have been received and counted; nothing before."""
        self._empty_pages.received(part, query)
        if page.size and query.page == 1 and not isinstance(part, Witness):
            self._filled[query.record_list] = replace(query, limit=1)
        if isinstance(part, Newest):
            self._empty_pages.add_newest(part, query, page)
            believed = self._empty_pages.pop_believed()
            return [record for held, sent, nothing in believed for record in self._use(held, sent, nothing)]
        # The last page of the records of several slices is not empty, so that an empty one proves nothing.
        is_count = isinstance(part, SliceGroup)
        if self._empty_pages.holds_back(part, query, page, may_be_empty=is_count) or isinstance(part, Witness):
            return []
        return self._use(part, query, page)

    def _use(self, part: Part, query: AppendedQuery, page: AppendedPage) -> list[AppendedRecord]:
        if isinstance(part, SliceGroup):
            return self._add_count(part, query, page)
        match part.add_page(query, page):
            case "ask on":
                return []
            case "split":
                self._replace(part, part.split(page))
                return []
        part.is_read = True
        self._read += 1
        self._parts = group_read_slices(self._parts)
        empty = [each for each in self._parts if isinstance(each, SliceGroup) and each.is_empty]
        return [record for each in empty for record in self._finish(each)]

    def _add_count(self, group: SliceGroup, query: AppendedQuery, page: AppendedPage) -> list[AppendedRecord]:
        match group.add_page(query, page):
            case "ask on":
                return []
            case "read again" if group.attempt.number < MAX_ATTEMPTS:
                attempt = Attempt(group.attempt.number + 1, group.records)
                self._replace(
                    group, [Slice(group.state, each.from_at, each.to_at, attempt) for each in group.windows]
                )
                return []
            case "read again":
                group.state.found(count_differs(group.state.record_list, group.window))
        return self._finish(group)

    def _replace(self, part: Slice | SliceGroup, slices: Sequence[Slice]) -> None:
        place = self._parts.index(part)
        self._parts[place : place + 1] = slices

    def _finish(self, group: SliceGroup) -> list[AppendedRecord]:
        self._parts.remove(group)
        return list(group.records.values())
