"""Every untouched task of a window is read once, by id alone, whoever edits or deletes others meanwhile."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.crm.pagination import OverlappingPaginator
from amocrm_assets.crm.pagination.by_id import (
    FIRST_PART_SECONDS,
    MAX_PARTS,
    PART_RECORDS,
    ByIdPlanner,
)
from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import WINDOW, expected, kinds, read, seconds
from amocrm_assets_tests.crm.pagination.test_silent_loss import ODDITIES, SHAPES
from amocrm_assets_tests.crm.pagination.test_silent_loss import seconds as shaped

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY = 86_400


def plan_of(window: Window = WINDOW, traits: AccountTraits = UNKNOWN) -> ByIdPlanner:
    return ByIdPlanner(window, TASKS.lists(with_deleted=True), traits)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    account=st.builds(
        ListedAccount,
        live=st.lists(seconds, max_size=300).map(lambda ats: {3 * place + 1: at for place, at in enumerate(ats)}),
        page_cap=st.integers(10, 25) | st.just(250),
        filters=st.booleans(),
        half_open=st.booleans(),
        exclusive_from=st.booleans(),
        orders_filtered=st.booleans(),
        next_always=st.booleans(),
        damage=st.dictionaries(st.integers(1, 12), st.sampled_from(["end", "empty"]), max_size=1),
    ),
    random=st.randoms(use_true_random=False),
    edits=st.integers(0, 3),
    deletions=st.integers(0, 1),
    permits=st.integers(1, 6),
)
def test_every_untouched_task_of_the_window_is_read_once(
    account: ListedAccount, random: Random, edits: int, deletions: int, permits: int
) -> None:
    try:
        got, plan = read(account, random, edits=edits, deletions=deletions, permits=permits, plan=plan_of())
    except ReadingUnproven:
        assert not account.live  # the last task was deleted meanwhile, which looks like a list that is not served
        return
    assert expected(account) - set(got) <= {(task, at) for task, at in account.deleted.items()}
    assert all(WINDOW.from_at <= at <= WINDOW.to_at for _, at in got)
    if "filters_ignored" not in kinds(plan):
        assert max(got.values(), default=1) == 1


@pytest.mark.parametrize("names", [*((name,) for name in ODDITIES), *combinations(ODDITIES, 2)], ids=" and ".join)
def test_no_oddity_alone_or_with_another_loses_a_task_in_silence(names: tuple[str, ...]) -> None:
    switches: dict[str, Any] = {}
    for name in names:
        switches |= ODDITIES[name]
    for number, shape in enumerate(SHAPES):
        random = Random(f"{names} {shape}")
        account = ListedAccount(dict(enumerate(shaped(400 + number, random, shape))), **switches)
        try:
            got, plan = read(account, random, edits=number % 3, deletions=number % 2, plan=plan_of())
        except ReadingUnproven:
            continue
        missing = {task for task, _ in expected(account) - set(got)} & account.live.keys()
        assert not missing or kinds(plan, missing_only=True), (shape, len(missing))


@pytest.mark.parametrize("name", ["healthy", "pages of 50", "to is exclusive", "from is exclusive", "next always"])
def test_lists_that_do_what_they_are_asked_are_read_to_their_end(name: str) -> None:
    for count in (0, 1, 9, 10, 11, 249, 250, 251, 600):
        random = Random(count)
        account = ListedAccount(dict(enumerate(shaped(count, random, "wide"))), **ODDITIES[name])
        got, _ = read(account, random, edits=count % 3, plan=plan_of())
        assert expected(account) <= set(got), count


def test_a_quiet_day_takes_three_questions() -> None:
    account = ListedAccount({number: 1_000 + number for number in range(100)})
    _, plan = read(account, Random(1), plan=plan_of())
    assert account.request_count == 3
    assert plan.counts["slices"] == 1
    assert plan.findings == ()


def test_an_account_that_ignores_the_filter_is_read_as_a_whole_and_says_so() -> None:
    account = ListedAccount({number: 900 + number for number in range(800)}, filters=False)
    got, plan = read(account, Random(1), plan=plan_of(Window(1_000, 1_599)))
    assert set(got) == expected(account)
    assert kinds(plan) == ["filters_ignored"]
    assert kinds(plan, missing_only=True) == []
    assert plan.counts["whole_account_scans"] == 1


def test_what_a_probe_found_of_the_filter_of_leads_is_not_believed_of_tasks() -> None:
    account = ListedAccount({number: 1_000 + number for number in range(400)}, filters=True)
    # One answer that holds a task of another time is a damaged one, whatever leads are like.
    account.live[5] = 10
    once = iter([True])

    def something_odd(_: object = None) -> None:
        account.filters = not next(once, False)

    something_odd()
    _, plan = read(
        account, Random(1), after_answer=something_odd, plan=plan_of(traits=AccountTraits(filters=False))
    )
    assert plan.counts["whole_account_scans"] == 0


def test_a_list_that_ignores_the_order_by_id_is_never_taken_for_read() -> None:
    account = ListedAccount({number: 1_000 + number for number in range(590)}, scattered=True)
    account.sorted_within_pages = True
    with pytest.raises(ReadingUnproven):
        read(account, Random(1), plan=plan_of())


def windows(parts: Iterable[object]) -> list[Window]:
    """The seconds that each part reads."""
    return [part.window for part in parts if isinstance(part, OverlappingPaginator)]


def read_long(account: ListedAccount, window: Window) -> tuple[Counter[int], ByIdPlanner, int]:
    """How often each task came, the plan, and after how many answers the first day was finished."""
    plan, random, request_count, first_day_at = plan_of(window), Random(1), 0, 0
    got: Counter[int] = Counter()
    while not plan.done:
        open_before = plan.open_intervals
        part, query = plan.next_query() or pytest.fail("nothing to ask")
        for task in plan.add_page(part, query, account.respond(query, random)):
            # Or its day would have been published without it.
            assert any(each.holds(task.updated_at) for each in open_before)
            got[task.id] += 1
        request_count += 1
        if not first_day_at and not any(each.meets(Window(0, DAY - 1)) for each in plan.open_intervals):
            first_day_at = request_count
    return got, plan, first_day_at


def test_the_parts_of_a_long_window_adjoin_and_few_are_read_at_a_time() -> None:
    plan = plan_of(Window(1_000, 1_000 + 10 * FIRST_PART_SECONDS - 1))
    parts = [plan.next_query() or pytest.fail("nothing to ask") for _ in range(MAX_PARTS)]
    begins = [1_000 + number * FIRST_PART_SECONDS for number in range(MAX_PARTS)]
    assert windows(part for part, _ in parts) == [Window(at, at + FIRST_PART_SECONDS - 1) for at in begins]
    assert plan.next_query() is None


def test_tasks_of_the_seconds_around_each_seam_of_two_parts_are_read_once() -> None:
    """The first parts begin before any of them is done."""
    window = Window(1_000, 1_000 + 5 * FIRST_PART_SECONDS)
    plan, random, got = plan_of(window), Random(1), Counter[int]()
    seams = [window.from_at + number * FIRST_PART_SECONDS for number in range(1, MAX_PARTS + 1)]
    seconds_around = [seam + aside for seam in seams for aside in range(-3, 3)]
    account = ListedAccount(dict(enumerate([window.from_at, *seconds_around, window.to_at])))
    pending = [plan.next_query() or pytest.fail("nothing to ask") for _ in range(MAX_PARTS)]
    while not plan.done:
        part, query = pending.pop(0) if pending else plan.next_query() or pytest.fail("nothing to ask")
        got.update(task.id for task in plan.add_page(part, query, account.respond(query, random)))
    assert got == Counter(account.live.keys())


@pytest.mark.parametrize(
    ("tasks", "days"),
    [(0, 92), (1, 92), (380, 92), (400, 7 * 12.5), (1_000, 35), (2_000, 17.5)],
)
def test_the_length_of_the_next_part_follows_from_the_tasks_in_the_finished_one(tasks: int, days: float) -> None:
    """The next one would have `PART_RECORDS` of them, but it is never longer than `MAX_PART_SECONDS`."""
    window = Window(1_000, 1_000 + 365 * DAY)
    account = ListedAccount({number: 1_000 + number for number in range(tasks)} | {10**6: window.to_at})
    plan, parts = plan_of(window), dict[Any, None]()
    while len(parts) < 2:
        part, query = plan.next_query() or pytest.fail("nothing to ask")
        if isinstance(part, OverlappingPaginator):
            parts[part] = None
        plan.add_page(part, query, account.respond(query, Random(1)))
    second_at = 1_000 + FIRST_PART_SECONDS
    assert windows(parts)[1] == Window(second_at, second_at + int(days * DAY) - 1)


@pytest.mark.slow
def test_the_first_days_of_a_long_window_are_finished_before_its_last_ones_are_asked_for() -> None:
    account = ListedAccount({number: number * 7_919 % (365 * DAY) for number in range(21_900)})
    got, plan, first_day_at = read_long(account, Window(0, 365 * DAY - 1))
    assert got == Counter(account.live.keys())
    assert first_day_at < 12
    assert plan.counts["slices"] >= 21_900 // PART_RECORDS
    assert account.request_count < 1.5 * 21_900 / 250
    assert FIRST_PART_SECONDS * MAX_PARTS < 365 * DAY


def test_a_long_window_of_an_account_that_ignores_the_filter_is_read_to_its_end() -> None:
    account = ListedAccount({number: number * 7_919 % (90 * DAY) for number in range(2_000)}, filters=False)
    got, plan, _ = read_long(account, Window(0, 80 * DAY - 1))
    assert got.keys() == {task for task, at in account.live.items() if at < 80 * DAY}
    assert plan.counts["whole_account_scans"] == 1


@pytest.mark.slow
def test_a_busy_account_is_read_in_parts_of_a_day() -> None:
    account = ListedAccount({number: number * 7_919 % (30 * DAY) for number in range(60_000)})
    got, plan, _ = read_long(account, Window(0, 30 * DAY - 1))
    assert got == Counter(account.live.keys())
    assert plan.counts["slices"] > 30 * DAY / FIRST_PART_SECONDS
