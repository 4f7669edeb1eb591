"""Pages that are shorter than requested although another one follows: one such response may lack records.

It is requested again until two responses have the same number of records; ties may change their order in between.
Servers with a smaller maximum return pages of that size. So a size that was confirmed is not doubted again, nor is
any page of a list with pages of many sizes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.entities import RecordList

# Responses to one query that differ: after this many the last one counts, since records are being edited.
MAX_RESPONSES = 4
# A list that has confirmed this many sizes returns pages of any size.
MAX_SIZES = 3


class ShortPages:
    """Remembers short pages by their query, and confirmed sizes by their list."""

    def __init__(self) -> None:
        self._sizes: dict[RecordList, set[int]] = defaultdict(set)
        self._seen: dict[Query, set[int]] = {}

    def needs_retry(self, query: Query, page: Page) -> bool:
        """Whether to request a page again before it is accepted."""
        sizes = self._sizes[query.record_list]
        if not page.has_next or page.size >= query.limit or page.size in sizes or len(sizes) >= MAX_SIZES:
            self._seen.pop(query, None)
            return False
        before = self._seen.setdefault(query, set())
        if page.size in before:
            sizes.add(page.size)
        elif len(before) + 1 < MAX_RESPONSES:
            before.add(page.size)
            return True
        del self._seen[query]
        return False
