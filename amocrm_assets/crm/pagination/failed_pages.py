"""Failing pages: which failures indicate that a page is too heavy, and what a refusal means."""

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

# After this many failures smaller pages are requested instead.
MAX_FAILURES = 2
# A page that takes too long ends with one of these, or with a timeout.
_TOO_SLOW = frozenset({408, 500, 502, 504})
_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404


class PageFailures:
    """Counts failures of one page that a smaller page may avoid."""

    def __init__(self, query: Query) -> None:
        self._can_shrink = PageSize.can_shrink(query.limit, details=query.details)
        self.counted = 0

    def are_enough(self, error: RetryableError) -> bool:
        """Count a failure; returns whether to try a lighter page instead of a retry."""
        if self._can_shrink and (error.status in _TOO_SLOW or isinstance(error, ReadTimeout)):
            self.counted += 1
        return self.counted >= MAX_FAILURES


def page_refused(query: Query, error: AccessDenied | UnexpectedAnswer) -> Page | None:
    """An empty page if the page does not exist after the first; None if a lighter page may succeed.

    Otherwise raises the error, with a more specific message if possible.
    """
    status = error.facts.get("status")
    if query.details and status == _BAD_REQUEST:
        return None  # an unsupported value of `with` must not prevent reading the records
    if query.page > 1 and status in {_BAD_REQUEST, _NOT_FOUND}:
        return NOTHING  # some lists refuse pages after their end, or beyond some depth, instead of returning 204
    # A status of 200 is a response that cannot be read, and says nothing of rights.
    if not query.record_list.only_deleted or status == _OK:
        raise error
    records = query.record_list.records
    raise type(error)(
        f"Reading {query.record_list.title}",
        cause=error.cause,
        fix=f"The account does not let deleted {records} be read. Set `import_deleted: false` in the source's"
        f" defs.yaml to import live {records} only, or let the token's user see deleted {records}.",
        **error.facts,
    ) from error
