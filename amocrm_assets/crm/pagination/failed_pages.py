"""Failing pages: which failures indicate that a page is too heavy, and what a refusal means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.http.responses import ReadTimeout, RetryableError
from amocrm_assets.crm.pagination.page_size import PageSize
from amocrm_assets.crm.pagination.pages import NOTHING

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.errors import AccessDenied, UnexpectedAnswer

# After this many failures smaller pages are requested instead.
MAX_FAILURES = 2
# A page that takes too long ends with one of these, or with a timeout.
_TOO_SLOW = frozenset({408, 500, 502, 504})
_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404


class NothingReturned(RetryableError):
    """A query that finds a record in any list with records found none."""

    def __init__(self, query: Query) -> None:
        super().__init__(f"a list of {query.record_list.title} without any record")


class PageFailures:
    """Counts failures of one page that a smaller page may avoid, and empty pages that are not accepted yet."""

    def __init__(self, query: Query) -> None:
        self._can_shrink = PageSize.can_shrink(query.limit, details=query.details)
        self._query = query
        self._empty = self.counted = 0

    @property
    def found_nothing(self) -> bool:
        """Whether the page was empty often enough to be accepted."""
        return self._empty == self._query.max_empty

    def check_filled(self, page: Page) -> None:
        """Raises `NothingReturned` for an empty page that is not accepted."""
        if not page.size and self._query.max_empty != 1:
            raise NothingReturned(self._query)

    def are_enough(self, error: RetryableError) -> bool:
        """Count a failure; returns whether to try a lighter page instead of a retry, or to accept an empty one."""
        if isinstance(error, NothingReturned):
            self._empty += 1
            return self.found_nothing
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
