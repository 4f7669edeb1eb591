"""Accounts whose lists are paginated by number: the page behind the covered ones shows whether they are sorted."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from amocrm_assets.crm.pagination import ListState, OverlappingPaginator
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.test_silent_loss import assert_no_silent_loss


def test_no_second_is_passed_before_the_page_behind_is_seen() -> None:
    """A day is published when it is passed, and stays though the next page shows that the list is in no order."""
    window = Window(1_000, 2_999)
    account = ListedAccount({number: 3_200 - number for number in range(1_500)}, filters=False)
    paginator = OverlappingPaginator(
        ListState(LEADS.lists(with_deleted=False)[0]), "updated_at desc", window, filtered=False
    )
    shown_to, responses = window.to_at, 0
    while (query := paginator.next_query()) is not None:
        response = account.respond(query, Random(1))
        paginator.add_page(query, response)
        responses += 1
        # What this page covers may still come: only the pages before it were shown to be in order.
        assert paginator.open_interval is None or paginator.open_interval.to_at >= shown_to
        shown_to = min(shown_to, response.records[-1].updated_at)

    assert paginator.done
    assert responses > 6


@pytest.mark.parametrize(
    "how",
    [{"page_cap": 10}, *({"depth_max": depth} for depth in (20, 60, 100)), {"page_cap": 50, "depth_max": 52}],
)
def test_a_list_in_no_order_of_which_the_page_behind_shows_a_few_leads_is_noticed(how: dict[str, Any]) -> None:
    """Of a few records any order may seem the one that was asked for, so those that are known have to fit, too."""
    for seed in range(60):
        random = Random(seed)
        leads = {number: random.randrange(400, 2_600) for number in range(random.randrange(60, 700))}
        account = ListedAccount(leads, filters=False, sorted_within_pages=True, scattered=True, **how)
        assert_no_silent_loss(account, random, edits=seed % 2, permits=1 + seed % 4)


def test_a_first_second_that_fills_pages_does_not_show_that_all_is_older_than_the_window() -> None:
    for seed in range(10):
        random = Random(seed)
        leads = [999] * random.randrange(101, 300) + sorted(random.randrange(1_000, 1_700) for _ in range(300))
        account = ListedAccount(dict(enumerate(leads)), page_cap=50, filters=False, ignores_order=True)
        assert_no_silent_loss(account, random, permits=1 + seed % 4)


def test_an_import_within_one_second_before_the_window_costs_one_pass_over_the_account_at_most() -> None:
    account = ListedAccount(dict.fromkeys(range(600), 900), {}, filters=False)

    assert assert_no_silent_loss(account, Random(1))
