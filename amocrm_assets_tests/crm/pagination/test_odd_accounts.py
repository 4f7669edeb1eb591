"""How a plan reads accounts that do not behave as documented, and what it finds out about them."""

from __future__ import annotations

from random import Random

import pytest

from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import busy, expected, kinds, read


@pytest.mark.parametrize("seed", range(10))
def test_an_account_that_ignores_filters_is_read_whole_while_leads_are_edited_and_deleted(seed: int) -> None:
    random = Random(seed)
    account = ListedAccount(
        {number: random.randrange(500, 3_000) for number in range(8_000)}, filters=False, stable_ties=False
    )

    got, plan = read(account, random, edits=5, deletions=2)

    assert not expected(account) - set(got)
    assert "filters_ignored" in kinds(plan)


def test_an_account_that_does_not_know_deleted_leads_is_found_out() -> None:
    account = ListedAccount({number: 1_100 + number for number in range(10)}, knows_deleted=False)

    got, plan = read(account, Random(4))

    assert set(got) == expected(account)
    assert kinds(plan) == ["only_deleted_ignored"]


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


def test_a_list_that_is_sorted_only_within_its_pages_is_noticed() -> None:
    with pytest.raises(ReadingUnproven, match="another order"):
        read(busy(10_010, sorted_within_pages=True), Random(14))


@pytest.mark.parametrize("leads", [300, 600, 900])
def test_a_short_list_that_is_sorted_only_within_its_pages_is_noticed(leads: int) -> None:
    with pytest.raises(ReadingUnproven, match="another order"):
        read(busy(leads, sorted_within_pages=True), Random(15))


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
