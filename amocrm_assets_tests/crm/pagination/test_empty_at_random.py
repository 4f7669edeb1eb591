"""Responses that are empty at random, or every so often, lose no record in silence."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedQuery
from amocrm_assets.crm.pagination.by_id import ByIdPlanner
from amocrm_assets.crm.pagination.pages import NOTHING
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.entities import TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS, NOW, WINDOW, expected, read
from amocrm_assets_tests.crm.pagination.test_appended import DAY, Listed, some
from amocrm_assets_tests.crm.pagination.test_appended import read as read_events
from amocrm_assets_tests.crm.pagination.test_silent_loss import ODDITIES

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.appended_pages import AppendedPage


class EmptyAtRandom:
    """One response in `period` is empty."""

    def __init__(self, account: Any, seed: int, *, period: int = 9) -> None:
        self._account, self._random, self._period = account, Random(seed), period
        self.request_count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)

    def respond(self, ask: Any, *more: Any) -> Any:
        self.request_count += 1
        page = self._account.respond(ask, *more)
        is_empty = self._random.randrange(self._period) == 0
        return (NO_RECORDS if isinstance(ask, AppendedQuery) else NOTHING) if is_empty else page


@pytest.mark.parametrize("oddity", [*ODDITIES, "tasks"])
def test_no_record_is_missing_in_silence_where_one_response_in_nine_is_empty(oddity: str) -> None:
    for seed in range(30):
        random = Random(f"{oddity} {seed}")
        leads, deleted = (
            {3 * number + place: random.randrange(900, 1_700) for number in range(random.choice([3, 40, 300]))}
            for place in (1, 2)
        )
        account = ListedAccount(leads, {} if oddity == "tasks" else deleted, **ODDITIES.get(oddity, {}))
        plan = ByIdPlanner(WINDOW, [TASKS.live]) if oddity == "tasks" else ReadPlanner(WINDOW, LISTS)
        try:
            got, _ = read(EmptyAtRandom(account, seed), random, permits=1 + seed % 7, plan=plan)  # type: ignore[arg-type]
        except ReadingUnproven:
            continue
        is_reported = any(finding.may_miss for finding in plan.findings)
        assert is_reported or not expected(account) - set(got), seed


# The first three lost nearly all of their tasks: empty first pages were counted though others came in between.
@pytest.mark.parametrize("seed", [127, 140, 417, *range(20)])
def test_no_task_is_missing_in_silence_where_one_response_in_nine_is_empty(seed: int) -> None:
    random = Random(f"t {seed}")
    count = random.choice([1, 3, 40, 300, 900])
    account = ListedAccount(
        {3 * number + 1: random.randrange(900, 1_700) for number in range(count)},
        next_always=random.random() < 0.2,
        next_never=random.random() < 0.2,
        filters=random.random() < 0.8,
        page_cap=random.choice([50, 250]),
    )
    plan = ByIdPlanner(WINDOW, [TASKS.live])
    try:
        got, _ = read(EmptyAtRandom(account, seed), random, permits=1 + seed % 7, plan=plan)  # type: ignore[arg-type]
    except ReadingUnproven:
        return
    assert any(finding.may_miss for finding in plan.findings) or not expected(account) - set(got)


def test_tasks_that_all_leave_the_window_while_they_are_read_end_its_reading() -> None:
    account = ListedAccount(dict.fromkeys(range(120), 1_300), page_cap=50)

    def edit_all() -> None:
        if account.request_count == 2:
            for task in list(account.live):
                account.edit(task, NOW)

    got, plan = read(account, Random(1), after_answer=edit_all, plan=ByIdPlanner(WINDOW, [TASKS.live]), permits=1)
    assert plan.done
    assert 0 < len(got) < 120


def test_records_without_a_time_do_not_hide_that_an_empty_page_lacks_records() -> None:
    """Those before the window are among the newest ones that are requested for the proof."""
    for seed in (2, 29, 37, 55, 71, 78, 104, 123):
        random = Random(f"u {seed}")
        leads, deleted = (
            {3 * number + place: random.randrange(900, 1_700) for number in range(12)} for place in (1, 2)
        )
        without_time = {100_000 + number: 980 + number for number in range(5)}
        account = ListedAccount(leads, deleted | without_time, without_time=frozenset(without_time))
        got, _ = read(EmptyAtRandom(account, seed, period=4), random, permits=1 + seed % 7)  # type: ignore[arg-type]
        assert not expected(account) - set(got), seed


def test_events_in_no_order_show_that_an_empty_page_lacks_some_of_them() -> None:
    for seed in (2, 6, 10):
        listed = Listed(some(150, crowded=(0, 60, 230)[seed % 3], seed=seed), order="shuffled")
        try:
            found = read_events(EmptyAtRandom(listed, seed), in_flight=1 + seed % 7)  # type: ignore[arg-type]
        except ReadingUnproven:
            continue
        wanted = {each.id for each in listed.records if DAY.holds(each.at)}
        assert {each.id for each in found} == wanted or "count_differs" in listed.findings, seed


@pytest.mark.parametrize("names_next", ["right", "always", "never"])
@pytest.mark.parametrize("cap", [50, 100])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_no_event_is_missing_in_silence_where_one_response_in_nine_is_empty(
    names_next: str, cap: int, order: str
) -> None:
    for seed in range(30):
        crowded, count = (0, 60, 230)[seed % 3], (3, 40, 150, 470)[seed % 4]
        listed = Listed(some(count, crowded=crowded, seed=seed), names_next=names_next, cap=cap, order=order)
        found = read_events(EmptyAtRandom(listed, seed), in_flight=1 + seed % 7)  # type: ignore[arg-type]
        wanted = {each.id for each in listed.records if DAY.holds(each.at)}
        assert {each.id for each in found} == wanted or "count_differs" in listed.findings, seed


@pytest.mark.parametrize("period", range(2, 12))
@pytest.mark.parametrize("in_flight", [1, 3, 7])
def test_no_event_is_missing_in_silence_where_every_so_many_responses_one_is_empty(
    period: int, in_flight: int
) -> None:
    """Requests in flight may fall into step with these responses."""

    class EmptyInTurn(Listed):
        def respond(self, query: AppendedQuery) -> AppendedPage:
            page = super().respond(query)
            return NO_RECORDS if len(self.queries) % period == 1 else page

    for seed in range(4):
        listed = EmptyInTurn(some(700, crowded=230 * (seed % 2), seed=seed), names_next="always", cap=50)
        try:
            found = read_events(listed, in_flight=in_flight)
        except ReadingUnproven:
            continue
        wanted = {each.id for each in listed.records if DAY.holds(each.at)}
        assert {each.id for each in found} == wanted or "count_differs" in listed.findings, seed
