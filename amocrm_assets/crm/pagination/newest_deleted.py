"""Which deleted record is the newest of all: what tells an empty trash from an account that ignores the question.

An account that ignores `with=only_deleted` shows its newest live record instead, which `oddity_of` notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.query import Query

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.entities import RecordList

# What the newest deleted record says about an empty answer for a window.
Verdict = Literal["unknown", "agrees", "contradicts", "open"]


class NewestDeleted:
    """Asks for the newest deleted record, once more when there is none."""

    def __init__(self, record_list: RecordList) -> None:
        self.query = Query(record_list, "updated_at desc", limit=1)
        self._was_missing = False

    def assess(self, page: Page, *, from_at: int, to_at: int) -> Verdict:
        """Whether the answer agrees that nothing is in `[from_at, to_at]`.

        `unknown`: ask again, since nothing else tells an empty trash from a damaged answer. `open`: it is newer
        than the window, which says nothing.
        """
        if not page.size and not self._was_missing:
            self._was_missing = True
            return "unknown"
        if not page.size or (page.records and page.records[0].updated_at < from_at):
            return "agrees"
        if page.records and page.records[0].updated_at <= to_at:
            return "contradicts"
        return "open"
