"""Reads a window completely: takes turns, sends what the plan asks for, and gives the leads as they come.

Decisions are the plan's. Here are the threads that wait for amoCRM's answers, and the facts of the reading.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from amocrm_assets.crm.client import MOST_CONNECTIONS
from amocrm_assets.crm.pages import parse_page
from amocrm_assets.crm.plan import ReadingPlan
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from amocrm_assets.crm.client import AmoCrmClient
    from amocrm_assets.crm.pacing import Turn
    from amocrm_assets.crm.pages import LeadLine, Page
    from amocrm_assets.crm.plan import Window
    from amocrm_assets.crm.walks import Ask, CoverWalk, KeyWalk, Listing

    Pending = dict[Future[Page], tuple[KeyWalk | CoverWalk, Ask]]


class Reading:
    """One complete reading of a window. Iterate `parts` to its end; only then everything was read."""

    def __init__(self, client: AmoCrmClient, window: Window, listings: Sequence[Listing] = ("leads",)) -> None:
        self._client = client
        self._plan = ReadingPlan(window, listings)
        self._pages = 0
        self._leads = 0

    def is_open(self, window: Window) -> bool:
        """Whether leads of a part of the window may still come."""
        return self._plan.is_open(window)

    def parts(self) -> Generator[list[LeadLine]]:
        """The leads of the window, some at a time, in no order; each once unless it is edited meanwhile.

        Raises the error that stopped the reading; the client is closed then, and nothing more is asked.
        """
        pool = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="amocrm")
        try:
            yield from self._parts(pool)
        except BaseException:
            self._client.close()  # wakes the requests that wait for a turn or a retry
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _parts(self, pool: ThreadPoolExecutor) -> Iterator[list[LeadLine]]:
        pending: Pending = {}
        while not self._plan.done:
            self._send_due(pool, pending)
            for answered in self._await_some(pending):
                walk, ask = pending.pop(answered)
                self._pages += 1
                leads = self._plan.take(walk, ask, answered.result())
                self._leads += len(leads)
                yield leads

    def _send_due(self, pool: ThreadPoolExecutor, pending: Pending) -> None:
        # The plan is asked only when a turn is there: whatever it has learnt until then makes its choice better.
        while len(pending) < MOST_CONNECTIONS and self._client.pacer.delay() <= 0:
            due = self._plan.next_ask()
            if due is None:
                _check_awaited(pending)
                return
            turn = self._client.pacer.take()
            pending[pool.submit(self._fetch, due[1], turn)] = due

    def _await_some(self, pending: Pending) -> set[Future[Page]]:
        until_turn = self._client.pacer.delay()
        if not pending:
            self._client.sleep(until_turn)
            return set()
        return wait(pending, timeout=until_turn or None, return_when=FIRST_COMPLETED).done

    def _fetch(self, ask: Ask, turn: Turn) -> Page:
        return self._client.ask("/api/v4/leads", ask.params(), parse_page, turn=turn)

    def counts(self) -> dict[str, int]:
        """What the reading did so far, under the names that the metadata shows."""
        plan = self._plan.facts
        return {
            "pages": self._pages,
            "repeats": self._plan.repeats,
            "left_the_window": self._plan.left,
            "slices": plan.slices,
            "tied_seconds": plan.tied_seconds,
            "whole_account_walks": plan.whole_account_walks,
        }

    def findings(self) -> dict[str, bool]:
        """What the reading found out about the account."""
        plan = self._plan.facts
        return {"filters_honoured": plan.filters_honoured, "deleted_honoured": plan.deleted_honoured}


def _check_awaited(pending: Pending) -> None:
    if not pending:
        raise ReadingUnproven(
            "Reading a window",
            came_back="the plan has nothing to ask and is not done.",
            mend="Report this; the days that were not finished are not written.",
        )
