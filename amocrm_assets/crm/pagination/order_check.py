"""Checks that pages by number are parts of one sorted list: where all records are known, none may be new.

A list that is sorted only within each page looks sorted on single pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.query import CONFIRMATIONS, MIN_PAGE, OrderIgnored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.interval_set import IntervalSet
    from amocrm_assets.crm.pagination.pages import Page, RawRecord
    from amocrm_assets.days import Window

# New records where all were known: one or two that a user moves there do not prove another order.
MAX_STRANGERS = 2
# Outside of the window nothing is lost by them, and an import may set the times of its records.
MAX_SHARE_OF_STRANGERS = 4
MAX_STRANGE_PAGES = 1
# A page of the far end need not contain records that were edited since. It cannot lack more than a page holds.
MAX_ABSENT_PAGES = 2


class OrderCheck:
    """Remembers which records of a list were seen, including those outside of the window."""

    def __init__(self, cover: IntervalSet, window: Window) -> None:
        self._cover = cover
        self._window = window
        self._seen: dict[int, int] = {}  # their last keys, by id
        self._misplaced: dict[int, int] = {}  # up to which keys all was known before, by id
        self._newest = window.to_at
        self._strange_pages = self._repeated_pages = 0
        self._end = 0  # the position up to which pages reach

    def is_strange(self, page: Page, keys: Sequence[int], position: int | None = None) -> bool:
        """Whether a page has new records where all were known: the page is not in the order of the list.

        `position` is its position in the list, if known. Raises `OrderIgnored` for the second one of
        these, and for a list that repeats its records. What a strange page holds does not count as seen.
        """
        if position is not None:
            self._learn_place(position, page)
        strangers = [
            record
            for record, key in zip(page.records, keys, strict=True)
            # Records newer than all the first ones were edited, created or deleted in the meantime.
            if record.id not in self._seen and record.updated_at <= self._newest and self._cover.holds(key)
        ]
        inside = sum(self._window.holds(record.updated_at) for record in strangers)
        if inside <= MAX_STRANGERS and len(strangers) <= too_many(page):
            self._remember(page.records, keys)
            return False
        self._note_strange_page()
        return True

    def bounds(self, page: Page, keys: Sequence[int]) -> tuple[int, int]:
        """The first and the last key, in the order of `keys`, of the records in their place, or of all if none is.

        A record that was not there when all of these keys were known was edited since, or the list is not sorted:
        its neighbours prove nothing about what is between them.
        """
        pairs = list(zip((record.id for record in page.records), keys, strict=True))
        placed = [key for record_id, key in pairs if self._misplaced.get(record_id) != key]
        return (placed or keys)[0], (placed or keys)[-1]

    def is_no_end(self, page: Page, keys: Sequence[int]) -> bool:
        """Whether the first page of the reversed list lacks records that were seen after it, or between its own.

        Some may have left the list in the meantime.
        """
        if page.size < MIN_PAGE or not keys:
            return False  # the whole list
        shown = {record.id for record in page.records}
        end, begin = max(keys), min(keys)
        behind = sum(key > end for key in self._seen.values())
        absent = sum(begin < key <= end and record not in shown for record, key in self._seen.items())
        return behind > too_many(page) or absent > MAX_ABSENT_PAGES * page.size

    def _learn_place(self, position: int, page: Page) -> None:
        """Record the position of a page in the list.

        Raises `OrderIgnored` if pages after all others repeatedly contain nothing new, and yet have a next
        one: such a list repeats itself, whatever page is requested, and may contain more.
        """
        is_repeated = (
            page.has_next and page.size >= MIN_PAGE and all(each.id in self._seen for each in page.records)
        )
        if position >= self._end:
            self._repeated_pages = self._repeated_pages + 1 if is_repeated else 0
        self._end = max(self._end, position + page.size)
        if self._repeated_pages > CONFIRMATIONS:
            raise OrderIgnored

    def _note_strange_page(self) -> None:
        self._strange_pages += 1
        if self._strange_pages > MAX_STRANGE_PAGES:
            raise OrderIgnored

    def _remember(self, records: Sequence[RawRecord], keys: Sequence[int]) -> None:
        if not self._seen:
            self._newest = max([self._newest, *(record.updated_at for record in records)])
        for record, key in zip(records, keys, strict=True):
            if self._cover.holds(key) and self._seen.get(record.id) != key:
                self._misplaced[record.id] = key
            self._seen[record.id] = key


def too_many(page: Page) -> int:
    """The number of records of a page from which on edits by users do not explain them."""
    return max(MAX_STRANGERS, page.size // MAX_SHARE_OF_STRANGERS)
