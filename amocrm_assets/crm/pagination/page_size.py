"""How large pages may be: smaller while they fail, larger again when they work."""

from __future__ import annotations

# https://www.amocrm.ru/developers/content/crm_platform/leads-api; a larger limit silently gives 50.
PAGE_LIMIT = 250
# Some accounts answer 504 to pages above 30 to 50 heavy leads.
STEPS = (PAGE_LIMIT, 125, 50, 25, 10)
# So many good pages in a row before a larger one is tried; twice as many after each size that failed.
MIN_GOOD_PAGES, MAX_GOOD_PAGES = 4, 1024


class PageSize:
    """The `limit` to ask for, in records, as the answers so far advise."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = min(limit or PAGE_LIMIT, PAGE_LIMIT)
        self._good_pages = 0
        self._needed = MIN_GOOD_PAGES if limit is None else MAX_GOOD_PAGES

    @staticmethod
    def can_shrink(limit: int) -> bool:
        """Whether a page of that size has a smaller one to try."""
        return limit > STEPS[-1]

    def failed(self, limit: int) -> None:
        """A page of that size failed more than once."""
        self._good_pages = 0
        if limit > STEPS[-1]:
            smaller = next(step for step in STEPS if step < limit)
            if smaller < self.limit:
                self.limit = smaller
                self._needed = min(2 * self._needed, MAX_GOOD_PAGES)

    def worked(self, limit: int) -> None:
        """A page of that size came."""
        if limit < self.limit * 4 // 5 or self.limit >= PAGE_LIMIT:
            return  # a small question proves nothing about large ones
        self._good_pages += 1
        if self._good_pages >= self._needed:
            self.limit = min((step for step in STEPS if step > self.limit), default=PAGE_LIMIT)
            self._good_pages = 0
