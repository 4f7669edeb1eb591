"""Which odd pages are accepted: none that came once. What came twice is a fact about the account."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import oddity_of
from amocrm_assets.crm.pagination.short_pages import ShortPages

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import Oddity, Query
    from amocrm_assets.crm.pagination.pages import Page

# A record without an id is more likely damaged than a fact, and cannot be named: it is requested more often.
EQUAL_ANSWERS, EQUAL_ANSWERS_WITHOUT_ID = 2, 6
# Responses to one query that are odd in different ways: after this many the last one counts.
MAX_ODD_ANSWERS = 12


class OddPages:
    """Remembers odd responses by their query. What a probe `expected` has already come more than once."""

    def __init__(self, expected: frozenset[Oddity] = frozenset()) -> None:
        self._expected = expected
        self._seen: dict[Query, Counter[object]] = {}
        self._short_pages = ShortPages()

    def assess(self, query: Query, page: Page) -> tuple[Oddity | None, bool]:
        """What is odd about a page, and whether to request it again before that is accepted."""
        oddity = oddity_of(query, page)
        if oddity is None:
            self._seen.pop(query, None)
            return None, self._short_pages.needs_retry(query, page)
        if oddity in self._expected:
            return oddity, False
        counts = self._seen.setdefault(query, Counter())
        same = (oddity, page.unusable) if oddity == "unusable" else (oddity, ())
        counts[same] += 1
        nameless = oddity == "unusable" and any(each.id is None for each in page.unusable)
        needed = EQUAL_ANSWERS_WITHOUT_ID if nameless else EQUAL_ANSWERS
        return oddity, counts[same] < needed and counts.total() < MAX_ODD_ANSWERS
