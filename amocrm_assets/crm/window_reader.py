"""Reads a window completely: takes permits, sends what the plan asks for, and gives the leads as they come.

Decisions are the plan's. Here are the threads that wait for amoCRM's answers, and the one that asks on while the
leads of earlier answers are being kept.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.crm.api_session import MAX_CONNECTIONS
from amocrm_assets.crm.failed_pages import MAX_FAILURES, PageFailures, page_refused
from amocrm_assets.crm.pages import parse_page
from amocrm_assets.crm.prefetch import prefetch
from amocrm_assets.crm.read_planner import ReadPlanner
from amocrm_assets.crm.traits import UNKNOWN
from amocrm_assets.errors import AccessDenied, AmoCrmUnavailable, ReadingUnproven, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from amocrm_assets.crm.client import AmoCrmClient
    from amocrm_assets.crm.findings import Finding
    from amocrm_assets.crm.pages import Page, RawRecord
    from amocrm_assets.crm.pagination import KeysetPaginator, OverlappingPaginator, Query, RecordList
    from amocrm_assets.crm.rate_limiter import Permit
    from amocrm_assets.crm.traits import AccountTraits
    from amocrm_assets.days import Window

    Pending = dict[Future[Page | None], tuple[KeysetPaginator | OverlappingPaginator, Query]]


# Parts that may wait for whoever takes them. Asking goes on meanwhile, and memory stays small.
PARTS_AHEAD = 8


@dataclass(frozen=True)
class ReadProgress:
    """How a reading stands with a part of it: what may still come, and what it did and found so far."""

    open_intervals: tuple[tuple[int, int], ...]
    counts: dict[str, int]
    findings: tuple[Finding, ...]


class WindowReader:
    """One complete reading of a window. Iterate `batches` to its end; only then everything was read."""

    def __init__(
        self,
        client: AmoCrmClient,
        window: Window,
        record_lists: Sequence[RecordList] = ("leads",),
        *,
        traits: AccountTraits = UNKNOWN,
    ) -> None:
        self._client = client
        self._plan = ReadPlanner(window, record_lists, traits)
        self._pages = 0
        # As of the last part that was taken; the thread that reads is ahead of that.
        self.progress = self._now()

    def may_still_yield(self, window: Window) -> bool:
        """Whether batches that were not taken yet may hold leads of a part of the window."""
        return any(window.meets(interval) for interval in self.progress.open_intervals)

    def batches(self) -> Generator[list[RawRecord]]:
        """The leads of the window, some at a time, in no order; each once unless it is edited meanwhile.

        Raises the error that stopped the reading; the client is closed then, and nothing more is asked.
        """
        with (
            ThreadPoolExecutor(MAX_CONNECTIONS, thread_name_prefix="amocrm") as pool,
            # The client is closed before its threads are waited for: that ends whatever they wait for.
            closing(prefetch(self._batches(pool), most=PARTS_AHEAD, on_stop=self._client.close)) as batches,
        ):
            try:
                for leads, self.progress in batches:
                    yield leads
            except BaseException:
                self._client.close()  # wakes the requests that wait for a permit or a retry
                raise

    def _batches(self, pool: ThreadPoolExecutor) -> Iterator[tuple[list[RawRecord], ReadProgress]]:
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

    def _send_due(self, pool: ThreadPoolExecutor, pending: Pending) -> None:
        # The plan is asked only when a permit is there: whatever it has learnt until then makes its choice better.
        while len(pending) < MAX_CONNECTIONS and self._client.rate_limiter.time_until_next() <= 0:
            due = self._plan.next_query()
            if due is None:
                _check_awaited(pending)
                return
            permit = self._client.rate_limiter.acquire()
            pending[pool.submit(self._fetch, due[1], permit)] = due

    def _await_some(self, pending: Pending) -> set[Future[Page | None]]:
        until_turn = self._client.rate_limiter.time_until_next()
        if not pending:
            self._client.sleep(until_turn)
            return set()
        return wait(pending, timeout=until_turn or None, return_when=FIRST_COMPLETED).done

    def _fetch(self, query: Query, permit: Permit) -> Page | None:
        """The page; None for one that fails where a lighter one may not."""
        failures = PageFailures(query)
        try:
            return self._client.request(
                "/api/v4/leads", query.params(), parse_page, permit=permit, give_up=failures.are_enough
            )
        except AmoCrmUnavailable:
            if failures.counted < MAX_FAILURES:
                raise
            return None
        except (AccessDenied, UnexpectedAnswer) as error:
            return page_refused(query, error)

    def _now(self) -> ReadProgress:
        plan = self._plan
        return ReadProgress(
            open_intervals=plan.paginators.open_intervals,
            counts={
                "pages": self._pages,
                "duplicates": plan.paginators.duplicates,
                "edited_away": plan.paginators.moved_out,
                "slices": plan.paginators.counts.slices,
                "tied_seconds": plan.paginators.counts.tied_seconds,
                "whole_account_scans": plan.paginators.counts.whole_account_scans,
            },
            findings=plan.findings,
        )


def _check_awaited(pending: Pending) -> None:
    if not pending:
        raise ReadingUnproven(
            "Reading a window",
            cause="the plan has nothing to ask and is not done.",
            fix="Report this; the days that were not finished are not written.",
        )
