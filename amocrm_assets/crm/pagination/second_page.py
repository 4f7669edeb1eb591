"""The second page by number, which shows that a list is in order where one page seemed to be all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.query import CONFIRMATIONS, MIN_PAGE, SecondPageMissing

if TYPE_CHECKING:
    from amocrm_assets.crm.pages import Page


class SecondPage:
    """Whether one was seen, and where to ask for it: within the first, so that it is never empty."""

    def __init__(self) -> None:
        self.is_seen = False
        self.first_page_size = 0
        self._missing = 0
        self._counts_again = False

    def next_page(self, limit: int, overlap: int) -> tuple[int, int]:
        """Page number and limit of what to look at next; deeper within the first page after each one in vain."""
        if self._counts_again:
            return 1, limit
        size = self.first_page_size
        return 2, max(size - overlap * 4**self._missing, size // 2 + 1)

    def learn(self, number: int, page: Page) -> None:
        """Take note of a page that holds leads.

        Raises `SecondPageMissing` when there is no second one, time and again, and the first one stays as long.
        """
        self.is_seen |= number > 1 or page.size < MIN_PAGE
        if number > 1:
            return
        if self._counts_again and page.size >= self.first_page_size:
            # No lead has left the list, so there should have been a second page.
            self._missing += 1
            if self._missing > CONFIRMATIONS:
                raise SecondPageMissing
        self._counts_again = False
        self.first_page_size = page.size

    def learn_nothing(self) -> None:
        """Take note of an empty one: leads may have left, so the first page is counted again."""
        self._counts_again = True
