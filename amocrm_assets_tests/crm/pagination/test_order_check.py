from __future__ import annotations

from random import Random

import pytest

from amocrm_assets.crm.pagination.interval_set import IntervalSet
from amocrm_assets.crm.pagination.order_check import OrderCheck
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.pagination.query import OrderIgnored
from amocrm_assets.days import Window
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.test_silent_loss import assert_no_silent_loss

KEYS = range(20)


def page(*, has_next: bool = True, count: int = 20) -> Page:
    """The first records of a list, by id."""
    return Page(tuple(RawRecord(n, 1_200, False, b"") for n in range(count)), has_next)  # noqa: FBT003


def test_a_list_that_repeats_its_records_and_names_a_next_page_is_no_list_by_numbers() -> None:
    check = OrderCheck(IntervalSet(None, None), Window(1_000, 1_599))
    for position in (0, 20, 40):
        check.is_strange(page(), KEYS, position)

    with pytest.raises(OrderIgnored):
        check.is_strange(page(), KEYS, 60)


@pytest.mark.parametrize(
    "responses",
    [
        # The last page shows some records again since others have left the list, or comes again.
        [(20, page(has_next=False)), (40, page(has_next=False)), (60, page(has_next=False))],
        # Gaps between pages are looked for in front of the end.
        [(10, page()), (12, page()), (15, page()), (19, page())],
        [(20, page(count=9)), (30, page(count=9)), (40, page(count=9))],
    ],
)
def test_known_records_alone_are_no_proof_of_that(responses: list[tuple[int, Page]]) -> None:
    check = OrderCheck(IntervalSet(None, None), Window(1_000, 1_599))
    check.is_strange(page(), KEYS, 0)

    for position, response in responses:
        assert not check.is_strange(response, range(response.size), position)


def test_a_list_that_shows_its_last_page_again_for_each_behind_it_is_not_taken_for_read() -> None:
    """Both of its ends show the same leads, so one empty answer makes it look like a short one."""
    for seed in range(12):
        random = Random(seed)
        leads = {n: random.randrange(1_000, 1_600) for n in range(random.randrange(60, 400))}
        account = ListedAccount(
            leads,
            sorted_within_pages=True,
            scattered=True,
            page_cap=50,
            depth_max=20,
            repeats=True,
            damage={40: "empty"},
        )
        assert_no_silent_loss(account, random, permits=2 + seed % 3)
