"""Reads a window completely: takes permits, sends what the plan asks for, and gives the records as they come.

Decisions are the plan's. Here are the threads that wait for amoCRM's answers, and the one that asks on while the
records of earlier answers are being kept.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from amocrm_assets.crm.http.api_session import MAX_CONNECTIONS
from amocrm_assets.crm.pagination.failed_pages import MAX_FAILURES, PageFailures, page_refused
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


# Batches that may wait to be consumed. Requests continue meanwhile, and memory stays small.
PARTS_AHEAD = 8


@dataclass(frozen=True)
class ReadProgress:
    """The progress of a reading in a part of it: what may still come, and what it did and found so far."""

    open_intervals: tuple[Window, ...]
    counts: dict[str, int]
    findings: tuple[Finding, ...]


class Planner(Protocol):
    """What decides what to ask next, and knows what was read. A part is whatever asks: a slice, a paginator."""

    @property
    def done(self) -> bool:
        """Whether everything was read."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found out about the lists so far."""

    @property
    def open_intervals(self) -> tuple[Window, ...]:
        """The seconds of which records may still come."""

    @property
    def counts(self) -> dict[str, int]:
        """How it went about the window, under the names that the metadata shows."""

    def next_query(self) -> tuple[Any, Any] | None:
        """The part that asks and its question; None when only awaited answers can tell."""

    def parse(self, query: Any, answer: Response) -> Any:
        """The page in an answer."""

    def add_page(self, part: Any, query: Any, page: Any) -> list[Any]:
        """The new records of a page."""

    def add_failure(self, part: Any, query: Any) -> None:
        """A page was not answered."""


class WindowReader:
    """One complete reading of a window. Iterate `batches` to its end; only then everything was read."""

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
        # As of the last part that was taken; the thread that reads is ahead of that.
        self.progress = self._now()

    def _planner(self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits) -> Planner:
        """What decides what to ask; readers of other kinds of lists have another one."""
        return ReadPlanner(window, record_lists, traits)

    def may_still_yield(self, window: Window) -> bool:
        """Whether batches that were not taken yet may hold records of a part of the window."""
        return any(window.meets(interval) for interval in self.progress.open_intervals)

    def batches(self) -> Generator[list[Any]]:
        """The records of the window, some at a time, in no order; each once unless it is edited meanwhile.

        Raises the error that stopped the reading; the client's scope is cancelled then, which ends its requests
        whatever they wait for, and nothing more is asked.
        """
        scope = self._client.scope
        with (
            DaemonPool(MAX_CONNECTIONS, name="amocrm", scope=scope) as pool,
            closing(prefetch(self._batches(pool), most=PARTS_AHEAD, scope=scope)) as batches,
        ):
            for records, self.progress in batches:
                yield records

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
        # The plan is asked only when a permit is there: whatever it has learnt until then makes its choice better.
        while len(pending) < MAX_CONNECTIONS and self._client.rate_limiter.time_until_next() <= 0:
            due = self._plan.next_query()
            if due is None:
                _check_awaited(pending)
                return
            permit = self._client.acquire()
            request = pool.submit(self._fetch, due[1], permit)
            # If it is cancelled before it starts, its permit would hold up other readings of the account.
            request.add_done_callback(partial(_release, permit))
            pending[request] = due

    def _await_some(self, pending: Pending) -> set[Future[Any]]:
        until_permit = self._client.rate_limiter.time_until_next()
        if not pending:
            self._client.pause(until_permit)
            return set()
        return wait(pending, timeout=until_permit or None, return_when=FIRST_COMPLETED).done

    def _fetch(self, query: Any, permit: Permit) -> Any:
        """The page; None for one that fails where a lighter one may not."""
        failures = PageFailures(query)
        try:
            return self._client.request(
                query.record_list.path,
                query.params(),
                partial(self._plan.parse, query),
                permit=permit,
                give_up=failures.are_enough,
            )
        except AmoCrmUnavailable:
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
            cause="the plan has nothing to ask and is not done.",
            fix="Report this; the days that were not finished are not written.",
        )


def _release(permit: Permit, _: Future[Any]) -> None:
    permit.release()
