"""Sends the requests of the probe, each query once, and counts what a probe may report about the responses.

The only place of the probe that sends requests. What a response means is decided elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from amocrm_assets.crm.http.responses import NO_CONTENT, RequestsExhausted, RetryableError
from amocrm_assets.crm.pagination.failed_pages import MAX_FAILURES
from amocrm_assets.crm.pagination.lists import parse_list
from amocrm_assets.crm.pagination.pages import parse_page
from amocrm_assets.crm.probe.verdict import NotSettled, Refused
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AccessDenied, AccountBlocked, AmoCrmUnavailable, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import Page

T = TypeVar("T")

# Including retries: amoCRM blocks accounts that send many useless requests.
MAX_REQUESTS = 60
# The list of leads, which every account has, and its trash.
LIVE = LEADS.live
DELETED = LIVE.trash()
NOTHING_MORE: Mapping[str, Any] = {}
_TOO_MANY = 429


@dataclass(frozen=True)
class LeadsAnswer:
    """A page of leads and the status of its response, 200 or 204."""

    status: int
    page: Page


@dataclass(frozen=True)
class Records:
    """A page of another list."""

    records: list[dict[str, Any]]
    has_next: bool


class Asker:
    """The requests of one probe. Raises the client's errors for an account that cannot be read at all."""

    def __init__(self, client: AmoCrmClient) -> None:
        self.client = client
        self.damaged: Counter[str] = Counter()
        self.responses = self.dated = 0
        self.seconds: list[float] = []
        # Pages of leads that were requested with nothing but a `Query`.
        self.log: list[tuple[Query, Page]] = []
        self._known: dict[tuple[tuple[str, Any], ...], LeadsAnswer | Refused] = {}

    def leads(self, query: Query, *, again: bool = False, more: Mapping[str, Any] = NOTHING_MORE) -> LeadsAnswer:
        """A page of leads: an earlier response, unless it is requested `again`. Raises `NotSettled`.

        `more` are parameters beside those of the query.
        """
        params = query.params() | dict(more)
        key = tuple(sorted(params.items()))
        if again or key not in self._known:
            self._known[key] = self._leads(params)
            response = self._known[key]
            if isinstance(response, LeadsAnswer) and not more:
                self.log.append((query, response.page))
        response = self._known[key]
        if isinstance(response, Refused):
            raise response
        return response

    def records(self, path: str, params: Mapping[str, Any]) -> Records:
        """A page of another list. Raises `NotSettled`, also if the user may not see it."""
        try:
            return Records(*self._request(path, params, parse_list))
        except AccountBlocked as error:  # some accounts refuse single paths like this
            raise Refused(403, error) from error

    def _leads(self, params: Mapping[str, Any]) -> LeadsAnswer | Refused:
        try:
            return self._request(LIVE.path, params, _leads_answer)
        except Refused as refused:
            return refused

    def _request(self, path: str, params: Mapping[str, Any], parse: Callable[[Response], T]) -> T:
        failures = 0

        def give_up(_: RetryableError) -> bool:
            nonlocal failures
            failures += 1
            return failures >= MAX_FAILURES

        began, waited = time.monotonic(), self.client.rate_limit_wait_seconds
        try:
            found = self.client.request(path, params, self._noting(parse), give_up=give_up)
        except RequestsExhausted as error:
            raise NotSettled("the probe had sent as many requests as it may") from error
        except AmoCrmUnavailable as error:
            raise _refused(error) from error
        except (AccessDenied, UnexpectedAnswer) as error:
            raise Refused(_status(error), error) from error
        if not failures:
            waited = self.client.rate_limit_wait_seconds - waited
            self.seconds.append(time.monotonic() - began - waited)
        return found

    def _noting(self, parse: Callable[[Response], T]) -> Callable[[Response], T]:
        def noted(response: Response) -> T:
            self.responses += 1
            self.dated += response.sent_at is not None
            try:
                return parse(response)
            except RetryableError as error:
                self.damaged[str(error)] += 1
                raise

        return noted


def _refused(error: AmoCrmUnavailable) -> Exception:
    """A refused query is an answer; an account that cannot be reached, or has too many requests, is an error."""
    status = _status(error)
    if status == _TOO_MANY or (status is None and not error.facts.get("timed_out")):
        return error
    return Refused(status, error)


def _status(error: AmoCrmUnavailable | AccessDenied | UnexpectedAnswer) -> int | None:
    status = error.facts.get("status")
    return int(status) if status is not None else None


def _leads_answer(response: Response) -> LeadsAnswer:
    return LeadsAnswer(response.status, parse_page(response, embedded=LIVE.embedded))


def is_empty_answer(response: LeadsAnswer) -> bool:
    """Whether the response was 204 and not an empty list."""
    return response.status == NO_CONTENT
