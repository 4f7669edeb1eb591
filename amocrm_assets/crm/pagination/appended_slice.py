"""A slice of an appended list: some seconds of it, read when a response contains all of their records. Pure.

The order of the list does not matter. A slice is read by one page without a next page that is shorter than others,
or it is cut; a single second that does not fit on a page is read page by page, until two passes return the same
records. That the page was whole is verified later, by `appended_count`.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.appended_pages import AppendedQuery
from amocrm_assets.days import Window
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.appended_count import Attempt
    from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedRecord
    from amocrm_assets.crm.pagination.appended_state import AppendedState

    Verdict = Literal["ask on", "done", "split"]

# A slice should fill this share of a page, since records are not spread evenly.
_AIM = 0.8
_MAX_PIECES = 8
_MAX_PASSES = 6
# 250,000 records within one second: a list that goes on for longer has no end.
_MAX_PAGES = 2500


class Slice:
    """A closed interval of seconds. `records` are the ones read so far, by id.

    `listed` are the times of all records of the last pass over its pages, with those of other types and of the
    seconds next to it; `sent` are the bounds of that pass.
    """

    def __init__(self, state: AppendedState, from_at: int, to_at: int, attempt: Attempt) -> None:
        self.state = state
        self.window = self.sent = Window(from_at, to_at)
        self.attempt = attempt
        self.in_flight = self.is_read = False
        self.records: dict[str, AppendedRecord] = {}
        self.listed: list[int] = []
        self._page, self._limit = 1, state.limit
        self._asked_again = False
        # For a second that is read page by page: the number of passes that have ended, and the records of this
        # one.
        self._passes: int | None = None
        self._of_pass: set[str] = set()
        self._of_pass_before: set[str] = set()
        self._names_next = self._was_long = False  # the page before

    def next_query(self) -> AppendedQuery | None:
        """The next query; None until the response has arrived, and once the slice is read."""
        if self.in_flight or self.is_read:
            return None
        self.in_flight = True
        if self._page == 1:
            self._limit = self.state.limit  # for the next pages, too: pages of another size would not continue it
        from_at, to_at = self.state.bounds(self.window.from_at, self.window.to_at)
        return AppendedQuery(self.state.record_list, from_at, to_at, self._page, self._limit)

    def failed(self) -> None:
        """The query failed. Pages of another size do not continue these: the second is read again."""
        self.in_flight = False
        self._page, self._asked_again = 1, False
        self._of_pass.clear()

    def add_page(self, query: AppendedQuery, page: AppendedPage) -> Verdict:
        """Process a response. Raises `ReadingUnproven` for a list that cannot be read completely."""
        self.in_flight = False
        if self._is_doubtful(query, page):
            return "ask on"
        self._list(query, page)
        may_be_cut_off = self.state.may_be_cut_off(query, page)
        is_long = self.state.is_long(query, page)
        self.state.learn(query, page)
        if self._passes is not None:
            return self._add_to_pass(page, may_be_cut_off=may_be_cut_off, is_long=is_long)
        if self._page > 1:
            return self._add_second_page(page)
        self._keep(page)
        if not may_be_cut_off:
            return "done"
        if is_long and (page.has_next or self._middle() is not None):
            return self._too_much()
        # A short page with a next page, or a second that fills a page: the second page shows whether this is all.
        self._page = 2
        self._names_next = page.has_next
        return "ask on"

    def split(self, page: AppendedPage) -> list[Slice]:
        """Slices that replace this one, as many as the page suggests; two if it suggests nothing.

        A page of maximum length without a next page is all, or the list ends after so many records: its two halves
        have fewer or show more.
        """
        from_at, width = self.window.from_at, self.window.to_at - self.window.from_at + 1
        pieces = min(max(2, _pieces(page, width, self.state.limit)), _MAX_PIECES, width)
        begins = [from_at + width * place // pieces for place in range(pieces + 1)]
        middle = self._middle()
        if not page.has_next and middle is not None:
            begins = [from_at, middle, self.window.to_at + 1]
        return [Slice(self.state, begin, end - 1, self.attempt) for begin, end in pairwise(begins)]

    def _middle(self) -> int | None:
        """A second before which about half of the listed records are; None if all are of one second."""
        inside = sorted(at for at in self.listed if self.window.holds(at))
        return next((at for at in inside[len(inside) // 2 :] if at > inside[0]), None)

    def _list(self, query: AppendedQuery, page: AppendedPage) -> None:
        if query.page == 1:
            self.listed = []
        self.listed += [each.at for each in page.records] + [self.window.from_at] * len(page.unusable)
        self.sent = Window(query.from_at, query.to_at)

    def _is_doubtful(self, query: AppendedQuery, page: AppendedPage) -> bool:
        """Whether to repeat the query: one odd response proves nothing.

        An empty page was requested twice by then, see `empty_pages`; once more if the list has records.
        """
        strange = [each for each in page.records if not query.from_at <= each.at <= query.to_at]
        is_odd_nothing = not page.size and self.state.has_records
        if (strange or page.unusable or is_odd_nothing) and not self._asked_again:
            self._asked_again = True
            return True
        self._asked_again = False
        if strange:
            raise _filter_ignored(query, strange[0].at)
        if page.unusable:
            self.state.found_unusable(page.unusable)
        return False

    def _keep(self, page: AppendedPage) -> None:
        own = self._own(page)
        self.state.duplicates += len(own) - len({each.id for each in own})
        self.records |= {each.id: each for each in own}

    def _own(self, page: AppendedPage) -> list[AppendedRecord]:
        """The records of these seconds, without those of types that were not requested."""
        return [each for each in page.records if self.window.holds(each.at) and self.state.is_wanted(each)]

    def _add_second_page(self, page: AppendedPage) -> Verdict:
        if page.records or page.unusable:
            return self._too_much()
        if self._names_next:
            self.state.found_next_on_last_page()
        return "done"

    def _too_much(self) -> Verdict:
        if self.window.from_at < self.window.to_at:
            return "split"
        self.state.tied_seconds += 1
        self._page, self._passes = 1, 0
        return "ask on"

    def _add_to_pass(self, page: AppendedPage, *, may_be_cut_off: bool, is_long: bool) -> Verdict:
        own = {each.id: each for each in self._own(page)}
        self.records |= own
        self._of_pass |= own.keys()
        if may_be_cut_off and page.size:
            self._page += 1
            if self._page > _MAX_PAGES:
                raise self._unproven(f"there is a next page after {_MAX_PAGES} pages")
            self._names_next, self._was_long = page.has_next, is_long
            return "ask on"
        if not page.size and self._names_next:
            self._find_missing_page()
        return self._end_pass()

    def _find_missing_page(self) -> None:
        """A page had a next one that was empty: if it was full, the list may have stopped at some depth."""
        if self._was_long:
            self.state.found_page_missing(self.window)
        else:
            self.state.found_next_on_last_page()

    def _end_pass(self) -> Verdict:
        passes = (self._passes or 0) + 1
        # The first pass cannot be compared with anything.
        if passes > 1 and self._of_pass == self._of_pass_before and self._of_pass == self.records.keys():
            return "done"
        if passes == _MAX_PASSES:
            raise self._unproven(f"{_MAX_PASSES} passes over its pages gave different records")
        self._of_pass_before, self._of_pass = self._of_pass, set()
        self._page, self._passes = 1, passes
        return "ask on"

    def _unproven(self, what: str) -> ReadingUnproven:
        return ReadingUnproven(
            f"Reading {self.state.record_list.name} of the second {self.window.from_at}",
            cause=f"no page contains all of it, and {what}.",
            fix="Materialise the day again; if it still fails, report this account's behaviour.",
        )


def _pieces(page: AppendedPage, width: int, limit: int) -> int:
    """How many slices are likely to fit on one page each, if the page is one end of a sorted list."""
    times = [each.at for each in page.records]
    if not times:
        return 2
    return ceil(width * len(times) / (max(times) - min(times) + 1) / (_AIM * limit))


def _filter_ignored(query: AppendedQuery, at: int) -> ReadingUnproven:
    return ReadingUnproven(
        f"Reading {query.record_list.name} by created_at",
        cause=f"amoCRM twice sent one of {at} for a request of {query.from_at} to {query.to_at}: it ignores"
        " `filter[created_at]`, and without it completeness cannot be verified.",
        fix=f"Ask amoCRM's support why GET {query.record_list.path} ignores the filter, or switch the import of"
        f" {query.record_list.records} off in the source's defs.yaml.",
    )
