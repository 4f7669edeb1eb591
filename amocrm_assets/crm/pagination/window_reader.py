"""Reads a window completely: acquires permits, sends the planner's queries, and yields records as they arrive.

The planner decides. Here are the threads that wait for amoCRM's responses, and the one that continues to send
queries while the records of earlier responses are being stored.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from amocrm_assets.cancellation import wait_for
from amocrm_assets.crm.http.api_session import MAX_CONNECTIONS
from amocrm_assets.crm.pagination.failed_pages import MAX_FAILURES, PageFailures, page_refused
from amocrm_assets.crm.pagination.pages import NOTHING
from amocrm_assets.crm.pagination.prefetch import prefetch
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.errors import AccessDenied, AmoCrmUnavailable, ReadingUnproven, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.rate_limiter import Permit
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList

    Pending = dict[Future[Any], tuple[Any, Any]]

T = TypeVar("T")
# Batches that may wait to be consumed. Requests continue meanwhile, and memory stays small.
PARTS_AHEAD = 8


@dataclass(frozen=True)
class ReadProgress:
    """The progress of a reading: what is not complete yet, and its counts and findings so far."""

    open_intervals: tuple[Window, ...]
    counts: dict[str, int]
    findings: tuple[Finding, ...]


class Planner(Protocol):
    """Decides the next query, and knows what was read. A part is what makes queries: a slice, a paginator."""

    @property
    def done(self) -> bool:
        """Whether everything was read."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings about the lists so far."""

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds whose records are not complete yet."""

    @property
    def counts(self) -> dict[str, int]:
        """Counts of its work on the window, by their names in the metadata."""

    def next_query(self) -> tuple[Any, Any] | None:
        """The next query, with its part; None if it depends on responses that have not arrived."""

    def parse(self, query: Any, response: Response) -> Any:
        """The page in a response."""

    def add_page(self, part: Any, query: Any, page: Any) -> list[Any]:
        """The new records of a page."""

    def add_failure(self, part: Any, query: Any) -> None:
        """A page failed."""


class WindowReader:
    """One complete reading of a window. Iterate over `batches` to the end; only then is everything read."""

    def __init__(
        self,
        client: AmoCrmClient,
        window: Window,
        record_lists: Sequence[RecordList],
        *,
        traits: AccountTraits = UNKNOWN,
    ) -> None:
        self._client = client
        self._plan = self._planner(window, record_lists, traits)
        self._pages = 0
        self._failed: Future[None] = Future()
        # As of the last batch that was consumed; the thread that reads is ahead of that.
        self.progress = self._now()

    def _planner(self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits) -> Planner:
        """The planner; readers of other kinds of lists have another one."""
        return ReadPlanner(window, record_lists, traits)

    def may_still_yield(self, window: Window) -> bool:
        """Whether batches that were not consumed yet may contain records of a part of the window."""
        return any(window.meets(interval) for interval in self.progress.open_intervals)

    def wait_beside(self, request: Future[T]) -> T:
        """The result of another request of the client. Raises the error of the reading if that fails first."""
        either: list[Future[Any]] = [request, self._failed]
        if not request.done():
            wait_for(lambda part: bool(wait(either, part, FIRST_COMPLETED).done))
        if not request.done():
            self._failed.result()
        return request.result()

    def batches(self) -> Generator[list[Any]]:
        """The records of the window in batches, unsorted; each once unless it is edited in the meantime.

        Raises the error that stopped the reading; the client's scope is then cancelled, which ends all of its
        requests and waits, and nothing more is requested.
        """
        scope = self._client.scope
        with (
            DaemonPool(MAX_CONNECTIONS, name="amocrm", scope=scope) as pool,
            closing(prefetch(self._batches_until_failed(pool), most=PARTS_AHEAD, scope=scope)) as batches,
        ):
            for records, self.progress in batches:
                yield records

    def _batches_until_failed(self, pool: DaemonPool) -> Iterator[tuple[list[Any], ReadProgress]]:
        try:
            yield from self._batches(pool)
        except Exception as error:
            self._failed.set_exception(error)
            raise

    def _batches(self, pool: DaemonPool) -> Iterator[tuple[list[Any], ReadProgress]]:
        pending: Pending = {}
        while not self._plan.done:
            self._send_due(pool, pending)
            for answered in self._await_some(pending):
                paginator, query = pending.pop(answered)
                page = answered.result()
                if page is None:
                    self._plan.add_failure(paginator, query)
                    continue
                self._pages += 1
                yield self._plan.add_page(paginator, query, page), self._now()

    def _send_due(self, pool: DaemonPool, pending: Pending) -> None:
        # The planner decides only when there is a permit: what it has learnt until then improves its choice.
        while len(pending) < MAX_CONNECTIONS and self._client.rate_limiter.time_until_next() <= 0:
            due = self._plan.next_query()
            if due is None:
                _check_awaited(pending)
                return
            permit = self._client.acquire()
            request = pool.submit(self._fetch, due[1], permit)
            # If it is cancelled before it starts, its permit would delay other readings of the account.
            request.add_done_callback(partial(_release, permit))
            pending[request] = due

    def _await_some(self, pending: Pending) -> set[Future[Any]]:
        until_permit = self._client.rate_limiter.time_until_next()
        if not pending:
            self._client.pause(until_permit)
            return set()
        return wait(pending, timeout=until_permit or None, return_when=FIRST_COMPLETED).done

    def _fetch(self, query: Any, permit: Permit) -> Any:
        """The page; None if it fails and a smaller one may succeed."""
        failures = PageFailures(query)

        def parse(response: Response) -> Any:
            page = self._plan.parse(query, response)
            failures.check_filled(page)
            return page

        try:
            return self._client.request(
                query.record_list.path,
                query.params(),
                parse,
                permit=permit,
                give_up=failures.are_enough,
            )
        except AmoCrmUnavailable:
            if failures.found_nothing:
                return NOTHING
            if failures.counted < MAX_FAILURES:
                raise
            return None
        except (AccessDenied, UnexpectedAnswer) as error:
            return page_refused(query, error)

    def _now(self) -> ReadProgress:
        plan = self._plan
        return ReadProgress(plan.open_intervals, {"pages": self._pages, **plan.counts}, plan.findings)


def _check_awaited(pending: Pending) -> None:
    if not pending:
        raise ReadingUnproven(
            "Reading a window",
            cause="the planner has no query, and the window is not complete.",
            fix="Report this; the days that were not finished are not written.",
        )


def _release(permit: Permit, _: Future[Any]) -> None:
    permit.release()
