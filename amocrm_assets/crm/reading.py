"""Reads a window completely: takes turns, sends what the plan asks for, and gives the leads as they come.

Decisions are the plan's. Here are the threads that wait for amoCRM's answers, and the one that asks on while the
leads of earlier answers are being kept.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.crm.ahead import ahead
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


# Parts that may wait for whoever takes them. Asking goes on meanwhile, and memory stays small.
PARTS_AHEAD = 8


@dataclass(frozen=True)
class Standing:
    """How a reading stands with a part of it: what may still come, and what it did and found so far."""

    open_intervals: tuple[tuple[int, int], ...]
    counts: dict[str, int]
    findings: dict[str, bool]


class Reading:
    """One complete reading of a window. Iterate `parts` to its end; only then everything was read."""

    def __init__(self, client: AmoCrmClient, window: Window, listings: Sequence[Listing] = ("leads",)) -> None:
        self._client = client
        self._plan = ReadingPlan(window, listings)
        self._pages = 0
        # As of the last part that was taken; the thread that reads is ahead of that.
        self.standing = self._now()

    def is_open(self, window: Window) -> bool:
        """Whether parts that were not taken yet may hold leads of a part of the window."""
        return any(window.meets(interval) for interval in self.standing.open_intervals)

    def parts(self) -> Generator[list[LeadLine]]:
        """The leads of the window, some at a time, in no order; each once unless it is edited meanwhile.

        Raises the error that stopped the reading; the client is closed then, and nothing more is asked.
        """
        with (
            ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="amocrm") as pool,
            closing(ahead(self._parts(pool), most=PARTS_AHEAD)) as parts,
        ):
            try:
                for leads, self.standing in parts:
                    yield leads
            except BaseException:
                self._client.close()  # wakes the requests that wait for a turn or a retry
                raise

    def _parts(self, pool: ThreadPoolExecutor) -> Iterator[tuple[list[LeadLine], Standing]]:
        pending: Pending = {}
        while not self._plan.done:
            self._send_due(pool, pending)
            for answered in self._await_some(pending):
                walk, ask = pending.pop(answered)
                self._pages += 1
                leads = self._plan.take(walk, ask, answered.result())
                yield leads, self._now()

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

    def _now(self) -> Standing:
        plan = self._plan
        return Standing(
            open_intervals=plan.open_intervals(),
            counts={
                "pages": self._pages,
                "repeats": plan.repeats,
                "left_the_window": plan.left,
                "slices": plan.facts.slices,
                "tied_seconds": plan.facts.tied_seconds,
                "whole_account_walks": plan.facts.whole_account_walks,
            },
            findings={
                "filters_honoured": plan.facts.filters_honoured,
                "deleted_honoured": plan.facts.deleted_honoured,
            },
        )


def _check_awaited(pending: Pending) -> None:
    if not pending:
        raise ReadingUnproven(
            "Reading a window",
            cause="the plan has nothing to ask and is not done.",
            fix="Report this; the days that were not finished are not written.",
        )
