"""Pages that amoCRM does not give: which failures say that a page is too heavy, and what a refusal means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.http.responses import ReadTimeout
from amocrm_assets.crm.pagination.page_size import PageSize
from amocrm_assets.crm.pagination.pages import NOTHING

if TYPE_CHECKING:
    from amocrm_assets.crm.http.responses import RetryableError
    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.errors import AccessDenied, UnexpectedAnswer

# A page that fails so often is asked for by smaller ones, instead of again and again.
MAX_FAILURES = 2
# A page that takes too long ends in one of these, or in no answer at all.
_TOO_SLOW = frozenset({408, 500, 502, 504})
_BAD_REQUEST, _NOT_FOUND = 400, 404


class PageFailures:
    """Counts how often one page failed in a way that a smaller one may not."""

    def __init__(self, query: Query) -> None:
        self._can_shrink = PageSize.can_shrink(query.limit, details=query.details)
        self.counted = 0

    def are_enough(self, error: RetryableError) -> bool:
        """Count a failure; whether to try a lighter page instead of this one again."""
        if self._can_shrink and (error.status in _TOO_SLOW or isinstance(error, ReadTimeout)):
            self.counted += 1
        return self.counted >= MAX_FAILURES


def page_refused(query: Query, error: AccessDenied | UnexpectedAnswer) -> Page | None:
    """An empty page where it does not exist, behind the first; None where a lighter page may exist.

    Raises the error otherwise, in fitting words.
    """
    status = error.facts.get("status")
    if query.details and status == _BAD_REQUEST:
        return None  # a value of `with` that an account does not know must not cost it the records
    if query.page > 1 and status in {_BAD_REQUEST, _NOT_FOUND}:
        return NOTHING  # some lists refuse pages behind their end, or behind some depth, instead of giving a 204
    if not query.record_list.only_deleted:
        raise error
    records = query.record_list.records
    raise type(error)(
        f"Reading {query.record_list.title}",
        cause=error.cause,
        fix=f"The account does not let deleted {records} be read. Set `import_deleted: false` in the source's"
        f" defs.yaml to import live {records} only, or give the token's user the right to see deleted {records}.",
        **error.facts,
    ) from error
