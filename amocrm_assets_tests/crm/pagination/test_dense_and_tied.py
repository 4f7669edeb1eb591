"""How a plan reads dense ranges and seconds that many leads share."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import expected, read


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
    assert account.request_count <= 1.2 * 20_000 / 250 + 3  # the trash is empty, and the end of the window


def test_a_dense_range_is_read_by_key_where_a_list_supports_no_order_by_id_with_a_filter() -> None:
    account = ListedAccount({number: 1_200 + number % 100 for number in range(5_000)}, orders_filtered=False)

    got, plan = read(account, Random(11))

    assert set(got) == expected(account)
    assert plan.paginators.counts.whole_account_scans == 0


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
