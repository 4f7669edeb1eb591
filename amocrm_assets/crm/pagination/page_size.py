"""The page size: smaller pages and then pages without details while they fail, larger again when they succeed."""

from __future__ import annotations

# https://www.amocrm.ru/developers/content/crm_platform/leads-api; for a larger limit amoCRM silently uses 50.
PAGE_LIMIT = 250
# Some accounts return 504 for pages of more than 30 to 50 heavy records.
STEPS = (PAGE_LIMIT, 125, 50, 25, 10)
# If pages of this size fail, they are requested without details.
MAX_WITHOUT_DETAILS = 50
# The number of consecutive successful pages before a larger size is tried; doubled after each size that failed.
MIN_GOOD_PAGES, MAX_GOOD_PAGES = 4, 1024


class PageSize:
    """The `limit` to request, in records, and whether with `details`, based on the responses so far."""

    def __init__(self, limit: int | None = None, *, details: bool = False) -> None:
        self.limit = min(limit or PAGE_LIMIT, PAGE_LIMIT)
        self.details = self._wants_details = details
        self._good_pages = 0
        self._needed = MIN_GOOD_PAGES if limit is None else MAX_GOOD_PAGES

    @staticmethod
    def can_shrink(limit: int, *, details: bool = False) -> bool:
        """Whether a lighter page than that size can be tried."""
        return details or limit > STEPS[-1]

    def failed(self, limit: int, *, details: bool = False) -> None:
        """A page of that size failed more than once."""
        self._good_pages = 0
        if details and limit <= MAX_WITHOUT_DETAILS:
            if self.details:
                self.details = False
                self._be_patient()
        elif limit > STEPS[-1]:
            smaller = next(step for step in STEPS if step < limit)
            if smaller < self.limit:
                self.limit = smaller
                self._be_patient()

    def worked(self, limit: int) -> None:
        """A page of that size succeeded."""
        if limit < self.limit * 4 // 5:
            return  # a small request proves nothing about large ones
        self._good_pages += 1
        if self._good_pages >= self._needed:
            self._grow()
            self._good_pages = 0

    def _grow(self) -> None:
        if self.details != self._wants_details:
            self.details = self._wants_details
        else:
            self.limit = min((step for step in STEPS if step > self.limit), default=PAGE_LIMIT)

    def _be_patient(self) -> None:
        self._needed = min(2 * self._needed, MAX_GOOD_PAGES)
