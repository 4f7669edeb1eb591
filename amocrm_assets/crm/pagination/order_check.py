"""Whether pages by number are parts of one list that is in order: what they hold where all should be known.

A list that is sorted within each page only looks sorted to whoever looks at one page at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.query import MIN_PAGE, OrderIgnored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination.interval_set import IntervalSet

# Leads where everything was known already: one that somebody moves there, or two, are no proof of another order.
MAX_STRANGERS = 2
# Beside the window nothing is lost by them, and an import may write leads with times of its own.
MAX_SHARE_OF_STRANGERS = 4
MAX_STRANGE_PAGES = 1
# A page of the far end need not show leads that were edited since. It lacks no more of them than it could hold.
MAX_ABSENT_PAGES = 2


class OrderCheck:
    """Knows which leads of a list were seen, the ones outside of the window included."""

    def __init__(self, cover: IntervalSet, window: tuple[int, int]) -> None:
        self._cover = cover
        self._from_at, self._to_at = window
        self._seen: dict[int, int] = {}  # by id, with their last keys
        self._newest = self._to_at
        self._strange_pages = 0

    def is_strange(self, page: Page, keys: Sequence[int]) -> bool:
        """Whether leads lie where all of them were known: a page that is not in the order of the list.

        Raises `OrderIgnored` for the second one of these. What such a page holds does not count as seen.
        """
        strangers = [
            lead
            for lead, key in zip(page.leads, keys, strict=True)
            # What is newer than all that was there at first was edited, created or deleted meanwhile.
            if lead.id not in self._seen and lead.updated_at <= self._newest and self._cover.holds(key)
        ]
        inside = sum(self._from_at <= lead.updated_at <= self._to_at for lead in strangers)
        if inside <= MAX_STRANGERS and len(strangers) <= _too_many(page):
            self._remember(page.leads, keys)
            return False
        self._note_strange_page()
        return True

    def is_no_end(self, page: Page, keys: Sequence[int]) -> bool:
        """Whether the first page of the reversed list lacks leads that were seen behind it, or between its own.

        Some may have left the list meanwhile.
        """
        if page.size < MIN_PAGE or not keys:
            return False  # the whole list
        shown = {lead.id for lead in page.leads}
        end, begin = max(keys), min(keys)
        behind = sum(key > end for key in self._seen.values())
        absent = sum(begin < key <= end and lead not in shown for lead, key in self._seen.items())
        return behind > _too_many(page) or absent > MAX_ABSENT_PAGES * page.size

    def _note_strange_page(self) -> None:
        self._strange_pages += 1
        if self._strange_pages > MAX_STRANGE_PAGES:
            raise OrderIgnored

    def _remember(self, leads: Sequence[RawRecord], keys: Sequence[int]) -> None:
        if not self._seen:
            self._newest = max([self._newest, *(lead.updated_at for lead in leads)])
        self._seen.update(zip((lead.id for lead in leads), keys, strict=True))


def _too_many(page: Page) -> int:
    return max(MAX_STRANGERS, page.size // MAX_SHARE_OF_STRANGERS)
