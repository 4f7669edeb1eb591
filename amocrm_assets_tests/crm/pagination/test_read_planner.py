"""Whatever the account holds and whoever edits it meanwhile, a plan reads every untouched lead exactly once."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.crm.pagination import KeysetPaginator, OverlappingPaginator, Query
from amocrm_assets.crm.pagination.pages import NOTHING
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = Window(1_000, 1_599)
LISTS = LEADS.lists(with_deleted=True)
NOW = 5_000


def read(
    account: ListedAccount,
    random: Random,
    *,
    edits: int = 0,
    deletions: int = 0,
    permits: int = 4,
    traits: AccountTraits = UNKNOWN,
    after_answer: Callable[[], None] = lambda: None,
    plan: ReadPlanner | None = None,
) -> tuple[Counter[tuple[int, int]], ReadPlanner]:
    """Read the window with answers in random order, and edits after each answer."""
    plan = plan or ReadPlanner(WINDOW, LISTS, traits)
    pending: list[tuple[KeysetPaginator | OverlappingPaginator, Query]] = []
    got: Counter[tuple[int, int]] = Counter()
    while not plan.done:
        while len(pending) < permits and (due := plan.next_query()):
            pending.append(due)
        paginator, ask = pending.pop(random.randrange(len(pending)))
        if account.too_large is not None and ask.limit > account.too_large:
            plan.add_failure(paginator, ask)
            continue
        page = account.respond(ask, random)
        after_answer()
        got.update((lead.id, lead.updated_at) for lead in plan.add_page(paginator, ask, page))
        for _ in range(min(edits, len(account.live))):
            account.edit(random.choice(sorted(account.live)), NOW + account.request_count)
        for _ in range(min(deletions, len(account.live))):
            account.delete(random.choice(sorted(account.live)), NOW + account.request_count)
    return got, plan


def kinds(plan: ReadPlanner, *, missing_only: bool = False) -> list[str]:
    """The findings of a reading, by kind."""
    return [finding.kind for finding in plan.findings if finding.may_miss or not missing_only]


def expected(account: ListedAccount) -> set[tuple[int, int]]:
    """The leads of the window that nobody touched."""
    return {
        (lead, at)
        for lead, at in [*account.live.items(), *account.deleted.items()]
        if WINDOW.from_at <= at <= WINDOW.to_at and lead not in account.touched
    }


seconds = st.integers(WINDOW.from_at - 50, WINDOW.to_at + 50) | st.sampled_from([1_000, 1_300, 1_301, 1_599])
accounts = st.builds(
    ListedAccount,
    live=st.lists(seconds, max_size=120).map(lambda ats: {3 * number + 1: at for number, at in enumerate(ats)}),
    deleted=st.lists(seconds, max_size=20).map(lambda ats: {3 * number + 2: at for number, at in enumerate(ats)}),
    # Pages of a handful cannot be made to overlap everywhere; none are known.
    page_cap=st.integers(10, 25) | st.just(250),
    filters=st.booleans(),
    knows_deleted=st.booleans(),
    stable_ties=st.booleans(),
    half_open=st.booleans(),
    exclusive_from=st.booleans(),
    next_always=st.booleans(),
    odd_deleted_answers=st.integers(0, 1),
    without_time=st.sets(st.integers(0, 20).map(lambda number: 3 * number + 2), max_size=2).map(frozenset),
    # One damaged answer anywhere among the first ones.
    damage=st.dictionaries(st.integers(1, 12), st.sampled_from(["end", "empty"]), max_size=1),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(accounts, st.randoms(use_true_random=False), st.integers(0, 3), st.integers(0, 1), st.integers(1, 6))
def test_every_untouched_lead_of_the_window_is_read_once(
    account: ListedAccount, random: Random, edits: int, deletions: int, permits: int
) -> None:
    if account.odd_deleted_answers:
        account.damage.clear()  # one damaged answer is what a reading must bear, not two about one list

    try:
        got, plan = read(account, random, edits=edits, deletions=deletions, permits=permits)
    except ReadingUnproven:
        # Without filters, the last of tiny pages may hold too few leads to show that it continues the one before.
        assert not account.filters
        assert account.page_cap < 26
        return

    missing = expected(account) - set(got)
    timeless = {lead for lead, _ in missing if lead in account.without_time}
    assert {lead for lead, _ in missing} - timeless <= account.deleted.keys()
    # Nothing tells an account that ignores `only_deleted` and has no live lead from one whose trash is empty.
    if account.live and not account.knows_deleted:
        assert "only_deleted_ignored" in kinds(plan, missing_only=True)
    elif account.knows_deleted:
        assert len(missing) == len(timeless)
        assert not timeless or "records_unusable" in kinds(plan, missing_only=True)
    assert all(WINDOW.from_at <= at <= WINDOW.to_at for _, at in got)
    if not any(finding.kind == "filters_ignored" for finding in plan.findings):
        assert max(got.values(), default=1) == 1


def test_a_quiet_day_takes_two_questions_for_leads_and_three_for_deleted_ones() -> None:
    account = ListedAccount({number: 1_000 + number for number in range(100)}, {1_000: 900})

    got, _ = read(account, Random(1), permits=1)

    assert set(got) == expected(account)
    assert account.request_count == 2 + 3


def test_an_empty_trash_takes_three_questions() -> None:
    account = ListedAccount({number: 1_000 + number for number in range(100)})

    read(account, Random(1), permits=1)

    assert account.request_count == 5


def test_one_empty_answer_does_not_hide_that_deleted_leads_are_not_listed() -> None:
    for damaged in range(1, 8):
        account = ListedAccount({1: 950}, {2: 1_100}, knows_deleted=False, damage={damaged: "empty"})

        _, plan = read(account, Random(1), permits=1)

        assert "only_deleted_ignored" in kinds(plan, missing_only=True), damaged


@pytest.mark.parametrize("count", [250, 251, 900, 5_000])
def test_leads_that_share_one_second_are_read_by_id(count: int) -> None:
    account = ListedAccount(dict.fromkeys(range(count), 1300), stable_ties=False)

    got, plan = read(account, Random(2))

    assert set(got) == expected(account)
    assert max(got.values()) == 1
    assert plan.paginators.counts.tied_seconds == 1


@pytest.mark.parametrize("seed", range(10))
def test_a_tie_is_read_whole_while_five_of_its_leads_are_edited_after_every_answer(seed: int) -> None:
    account = ListedAccount(dict.fromkeys(range(900), 1300), stable_ties=False)

    got, _ = read(account, Random(seed), edits=5)

    assert not expected(account) - set(got)
    assert max(got.values()) == 1


@settings(max_examples=200, deadline=None)
@given(
    st.integers(200, 1_200),
    st.integers(40, 250),
    st.builds(
        ListedAccount,
        live=st.just({}),
        page_cap=st.integers(10, 50),
        stable_ties=st.booleans(),
        half_open=st.booleans(),
    ),
    st.integers(0, 1 << 32),
    st.integers(0, 3),
)
def test_dense_ranges_are_read_whole_while_their_leads_are_edited_and_deleted(
    leads: int, width: int, account: ListedAccount, seed: int, touches: int
) -> None:
    random = Random(seed)
    account.live = {number: 1_200 + random.randrange(width) for number in range(leads)}

    try:
        got, _ = read(account, random, edits=touches, deletions=touches)
    except ReadingUnproven:
        # Pages hardly larger than what is edited between two of them need not overlap; that is said, not hidden.
        assert touches
        assert account.page_cap <= 5 * touches
        return

    assert not expected(account) - set(got)
    assert max(got.values()) == 1


@pytest.mark.slow
def test_an_import_costs_at_most_a_fifth_more_than_the_least_number_of_requests() -> None:
    account = ListedAccount({number: 1_000 + number * 7 % 400 for number in range(20_000)})

    got, _ = read(account, Random(10))

    assert set(got) == expected(account)
    assert account.request_count <= 1.2 * 20_000 / 250 + 1  # the trash is empty


def test_a_dense_range_is_read_by_key_where_a_list_supports_no_order_by_id_with_a_filter() -> None:
    account = ListedAccount({number: 1_200 + number % 100 for number in range(5_000)}, orders_filtered=False)

    got, plan = read(account, Random(11))

    assert set(got) == expected(account)
    assert plan.paginators.counts.whole_account_scans == 0


@pytest.mark.parametrize("seed", range(10))
def test_an_account_that_ignores_filters_is_read_whole_while_leads_are_edited_and_deleted(seed: int) -> None:
    random = Random(seed)
    account = ListedAccount(
        {number: random.randrange(500, 3_000) for number in range(8_000)}, filters=False, stable_ties=False
    )

    got, plan = read(account, random, edits=5, deletions=2)

    assert not expected(account) - set(got)
    assert "filters_ignored" in kinds(plan)


def test_an_unfiltered_second_too_full_to_be_proven_is_read_by_walking_the_whole_account() -> None:
    account = ListedAccount(
        {number: 1_300 if number % 2 else 2_000 + number for number in range(1_500)},
        filters=False,
        stable_ties=False,
    )

    got, plan = read(account, Random(3))

    assert set(got) >= expected(account)
    assert plan.paginators.counts.whole_account_scans == 1


@pytest.mark.parametrize("seed", [6, 8, 12])
def test_a_second_page_within_one_second_is_no_tie_where_all_is_covered(seed: int) -> None:
    """The one lead that is edited makes the first page seem to be all, so that a second one is looked at."""
    ats = [950, 999, 950, 999, 999, 1_000, 1_000, 1_000, 1_000, 1_000]
    account = ListedAccount(
        {1 + 3 * number: at for number, at in enumerate(ats)}, filters=False, knows_deleted=False, next_always=True
    )

    got, plan = read(account, Random(seed), edits=1, permits=1)

    assert not expected(account) - set(got)
    assert plan.paginators.counts.whole_account_scans == 0


@pytest.mark.parametrize("newer", [0, 3, 130])
def test_an_unfiltered_second_that_just_fills_a_page_is_read_by_id(newer: int) -> None:
    seconds = [1_700] * newer + [1_300] * 250 + [1_100] * 300
    account = ListedAccount(dict(enumerate(seconds)), filters=False)

    got, plan = read(account, Random(7))

    assert set(got) >= expected(account)
    assert plan.paginators.counts.whole_account_scans == 1
    assert account.request_count < 40


def test_an_account_that_does_not_know_deleted_leads_is_found_out() -> None:
    account = ListedAccount({number: 1_100 + number for number in range(10)}, knows_deleted=False)

    got, plan = read(account, Random(4))

    assert set(got) == expected(account)
    assert kinds(plan) == ["only_deleted_ignored"]


def test_an_end_that_contradicts_the_page_before_is_asked_again() -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live])
    account = ListedAccount({number: 1_000 + number for number in range(400)})
    first = plan.next_query()
    assert first
    plan.add_page(*first, account.respond(first[1], Random(5)))
    account_now_empty = ListedAccount({})

    for _ in range(4):
        assert not plan.done
        again = plan.next_query()
        assert again
        plan.add_page(*again, account_now_empty.respond(again[1], Random(5)))

    assert plan.done


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_an_empty_answer_in_mid_list_loses_nothing(seed: int, *, tied: bool, filters: bool) -> None:
    random = Random(seed)
    seconds = [1_300 if tied else random.randrange(1_000, 1_600) for _ in range(900)]
    account = ListedAccount(dict(enumerate(seconds)) | dict.fromkeys(range(10_000, 10_040), 3_000))
    account.page_cap, account.filters = 20, filters
    plan = ReadPlanner(WINDOW, LISTS)
    lied: set[Query] = set()
    got: set[tuple[int, int]] = set()
    while not plan.done:
        due = plan.next_query()
        assert due
        paginator, ask = due
        is_wrong = random.random() < 0.2 and ask not in lied
        page = NOTHING if is_wrong else account.respond(ask, random)
        lied |= {ask} if is_wrong else set()
        got |= {(lead.id, lead.updated_at) for lead in plan.add_page(paginator, ask, page)}

    assert got == expected(account)


@pytest.mark.slow
def test_thirty_thousand_leads_cost_at_most_five_percent_more_than_the_least_number_of_requests() -> None:
    random = Random(6)
    window = Window(0, 86_399)
    account = ListedAccount({number: int(random.triangular(0, 86_399, 50_000)) for number in range(30_000)})
    plan = ReadPlanner(window, [LEADS.live])
    pending: list[tuple[KeysetPaginator | OverlappingPaginator, Query]] = []
    got: Counter[int] = Counter()
    while not plan.done:
        if len(pending) < 2 and (due := plan.next_query()):
            pending.append(due)
            continue
        paginator, ask = pending.pop(0)
        got.update(lead.id for lead in plan.add_page(paginator, ask, account.respond(ask, random)))

    assert len(got) == 30_000
    assert max(got.values()) == 1
    assert account.request_count <= 1.05 * 30_000 / 250


def test_a_list_that_knows_no_order_by_id_beside_a_filter_is_walked_whole() -> None:
    tied = dict.fromkeys(range(1_000, 1_450), 1_300) | dict.fromkeys(range(400), 1_301)
    account = ListedAccount(tied, orders_filtered=False)

    got, plan = read(account, Random(8))

    assert set(got) >= expected(account)
    assert plan.paginators.counts.whole_account_scans >= 1


def test_what_was_read_before_filters_were_ignored_is_not_read_again() -> None:
    account = ListedAccount({number: 1_000 + number // 4 for number in range(2_000)})
    plan = ReadPlanner(Window(1_000, 1_599), [LEADS.live])
    random = Random(9)
    request_count = 0
    while not plan.done:
        due = plan.next_query()
        assert due
        request_count += 1
        if request_count == 4:
            proven = all(each.from_at > 1_100 for each in plan.paginators.open_intervals)
            account.filters = False
        late = plan.add_page(*due, account.respond(due[1], random))
        if request_count > 4:
            assert all(lead.updated_at > 1_100 for lead in late)

    assert proven


def busy(leads: int = 4_000, **changes: Any) -> ListedAccount:
    """Leads all over the window, in an order that has nothing to do with their ids."""
    random = Random(12)
    live = {number: random.randrange(1_000, 1_600) for number in range(leads)}
    return ListedAccount(live, {10_000 + number: 1_000 + 2 * number for number in range(250)}, **changes)


@pytest.mark.parametrize("damage", ["end", "empty"])
@pytest.mark.parametrize("response", [1, 2, 3, 5, 8, 13, 17])
@pytest.mark.parametrize("cap", [50, 250])
def test_no_single_damaged_answer_ends_a_reading(damage: str, response: int, cap: int) -> None:
    account = busy(900, damage={response: damage}, page_cap=cap)

    got, plan = read(account, Random(13))

    assert set(got) == expected(account)
    assert plan.findings == ()


@pytest.mark.parametrize("damage", ["half", "head", "hole"])
@pytest.mark.parametrize("response", range(1, 12))
def test_a_page_with_a_next_one_that_lacks_leads_is_asked_for_again(damage: str, response: int) -> None:
    account = busy(3_000, damage={response: damage})
    account.deleted.clear()

    got, plan = read(account, Random(response), permits=1)

    assert set(got) == expected(account)
    assert plan.findings == ()


def test_a_list_that_is_sorted_only_within_its_pages_is_noticed() -> None:
    with pytest.raises(ReadingUnproven, match="another order"):
        read(busy(10_010, sorted_within_pages=True), Random(14))


@pytest.mark.parametrize("leads", [300, 600, 900])
def test_a_short_list_that_is_sorted_only_within_its_pages_is_noticed(leads: int) -> None:
    with pytest.raises(ReadingUnproven, match="another order"):
        read(busy(leads, sorted_within_pages=True), Random(15))


@pytest.mark.parametrize("leads", [1_100, 2_400, 3_765])
def test_a_tie_in_a_list_that_stops_at_some_depth_is_read_from_both_ends(leads: int) -> None:
    account = ListedAccount(dict.fromkeys(range(leads), 1_300), depth_max=2_000)

    got, _ = read(account, Random(16))

    assert set(got) == expected(account)
    assert max(got.values()) == 1


def test_a_tie_that_is_deeper_than_a_list_shows_from_either_end_fails() -> None:
    account = ListedAccount(dict.fromkeys(range(3_765), 1_300), depth_max=1_000)

    with pytest.raises(ReadingUnproven, match="does not return the records between"):
        read(account, Random(17))


@pytest.mark.parametrize("inclusive", [True, False, None])
@pytest.mark.parametrize("edits", [0, 3])
def test_leads_at_the_beginning_of_a_filter_are_read_though_it_excludes_them(
    *, inclusive: bool | None, edits: int
) -> None:
    account = busy(1_665, exclusive_from=True)
    account.live |= dict.fromkeys(range(20_000, 20_400), 1_450)

    got, plan = read(account, Random(18), edits=edits, traits=AccountTraits(from_is_inclusive=inclusive))

    assert not expected(account) - set(got)
    assert max(got.values()) == 1
    assert not plan.states[LEADS.live].from_is_inclusive


@pytest.mark.parametrize("change_at", [2, 4, 7, 11])
@pytest.mark.parametrize("first", [True, False])
def test_a_filter_may_begin_to_exclude_its_first_second_in_mid_reading(change_at: int, *, first: bool) -> None:
    account = busy(1_665, exclusive_from=first)

    def change() -> None:
        account.exclusive_from = first != (account.request_count >= change_at)

    got, _ = read(account, Random(19), after_answer=change)

    assert set(got) == expected(account)
    assert max(got.values()) == 1


def test_one_odd_answer_about_deleted_leads_is_asked_again() -> None:
    account = busy(odd_deleted_answers=1)

    got, plan = read(account, Random(20))

    assert set(got) == expected(account)
    assert plan.findings == ()


def test_an_account_that_ignores_only_deleted_is_found_out_on_a_day_without_live_leads() -> None:
    account = ListedAccount({1: 200, 2: 4_000}, {3: 1_100}, knows_deleted=False)

    got, plan = read(account, Random(21))

    assert not got
    assert kinds(plan, missing_only=True) == ["only_deleted_ignored"]


def test_findings_name_the_list_that_they_are_about() -> None:
    account = busy(filters=False)

    _, plan = read(account, Random(22))

    assert {(finding.record_list, finding.kind, finding.may_miss) for finding in plan.findings} == {
        (LEADS.live, "filters_ignored", False),
        (LEADS.deleted, "filters_ignored", False),
    }


def test_a_deleted_lead_without_a_time_is_named_and_the_others_are_read() -> None:
    account = busy(without_time=frozenset({10_007}))

    got, plan = read(account, Random(23))

    assert {lead for lead, _ in expected(account) - set(got)} == {10_007}
    (finding,) = plan.findings
    assert (finding.record_list, finding.kind, finding.may_miss) == (LEADS.deleted, "records_unusable", True)
    assert "id 10007" in finding.cause


@pytest.mark.parametrize("filters", [True, False])
def test_a_next_page_that_is_named_on_every_page_is_followed_to_the_end(*, filters: bool) -> None:
    account = busy(900, next_always=True, filters=filters)

    got, _ = read(account, Random(24))

    assert set(got) >= expected(account)
    assert account.request_count < 60


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("tied", [0, 900])
@pytest.mark.parametrize("largest", [25, 60])
def test_pages_shrink_while_they_fail(tied: int, largest: int, *, filters: bool) -> None:
    account = busy(1_500, too_large=largest, filters=filters)
    account.live |= dict.fromkeys(range(20_000, 20_000 + tied), 1_450)

    got, plan = read(account, Random(25))

    assert set(got) >= expected(account)
    assert plan.states[LEADS.live].page_size.limit <= largest


def test_pages_grow_back_when_they_work_again() -> None:
    account = busy(9_000, too_large=60)

    def recover() -> None:
        account.too_large = None if account.request_count > 12 else 60

    got, plan = read(account, Random(26), after_answer=recover)

    assert set(got) == expected(account)
    assert plan.states[LEADS.live].page_size.limit == 250


def test_what_was_found_out_before_a_reading_is_its_starting_belief() -> None:
    account, unknown = busy(filters=False, page_cap=50), busy(filters=False, page_cap=50)

    got, plan = read(account, Random(27), traits=AccountTraits(filters=False, max_limit=50), permits=1)
    read(unknown, Random(27), permits=1)

    assert set(got) >= expected(account)
    assert "filters_ignored" in kinds(plan)
    assert account.request_count < unknown.request_count


def test_filters_that_work_again_are_used_whatever_a_probe_said() -> None:
    account = busy()

    got, plan = read(account, Random(28), traits=AccountTraits(filters=False))

    assert set(got) == expected(account)
    assert plan.findings == ()
    assert account.request_count < 30
