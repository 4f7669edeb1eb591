"""The newest deleted record of all: it distinguishes an empty trash from an account that ignores the query.

An account that ignores `with=only_deleted` returns its newest live record instead, which `oddity_of` detects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination.query import Query

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.entities import RecordList

# What the newest deleted record proves about an empty response for a window.
Verdict = Literal["unknown", "agrees", "contradicts", "open"]


class NewestDeleted:
    """Requests the newest deleted record, and once more if there is none."""

    def __init__(self, record_list: RecordList) -> None:
        self.query = Query(record_list, "updated_at desc", limit=1)
        self._was_missing = False

    def assess(self, page: Page, *, from_at: int, to_at: int) -> Verdict:
        """Whether the response confirms that nothing is in `[from_at, to_at]`.

        `unknown`: request again, since nothing else distinguishes an empty trash from a damaged response. `open`:
        it is newer than the window, which proves nothing.
        """
        if not page.size and not self._was_missing:
            self._was_missing = True
            return "unknown"
        if not page.size or (page.records and page.records[0].updated_at < from_at):
            return "agrees"
        if page.records and page.records[0].updated_at <= to_at:
            return "contradicts"
        return "open"
