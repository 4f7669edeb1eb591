"""Queries as they are sent, what their pages are sorted by, and what is odd about a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import Page, RawRecord, Unusable
from amocrm_assets.crm.pagination.query import Order, PageStats, Query, newest_of, oddity_of, unproven
from amocrm_assets.entities import CALLS, CONTACTS, LEADS, TASKS, RecordList

LIVE, TRASH = LEADS.lists(with_deleted=True)
CALLS_OF_LEADS = CALLS.lists(with_deleted=False)[0]
PLAIN = {"limit": PAGE_LIMIT, "page": 1, "order[updated_at]": "asc"}
BOUNDS = {"filter[updated_at][from]": 5, "filter[updated_at][to]": 9}


def query(record_list: RecordList = LIVE, order: Order = "updated_at asc", **changes: Any) -> Query:
    return Query(record_list, order, **changes)


@pytest.mark.parametrize(
    ("sent", "params"),
    [
        (query(), PLAIN),
        (query(page=3, limit=10), PLAIN | {"page": 3, "limit": 10}),
        (query(order="id desc"), {"limit": PAGE_LIMIT, "page": 1, "order[id]": "desc"}),
        (query(from_at=5, to_at=9), PLAIN | BOUNDS),
        (query(from_at=0, to_at=9), PLAIN | BOUNDS | {"filter[updated_at][from]": 0}),
        (query(from_at=5), PLAIN),
        (query(to_at=9), PLAIN),
        (query(details=True), PLAIN | {"with": ",".join(LIVE.details)}),
        (query(TASKS.live, details=True), PLAIN),
        (query(TRASH), PLAIN | {"with": "only_deleted"}),
        (query(TRASH, details=True), PLAIN | {"with": "only_deleted"}),
        (query(CALLS_OF_LEADS), PLAIN | {"filter[note_type][]": list(CALLS_OF_LEADS.types)}),
    ],
)
def test_a_query_is_sent_with_its_order_its_filters_and_what_its_list_needs(
    sent: Query, params: dict[str, Any]
) -> None:
    assert sent.params() == params
    assert sent.max_empty == 1, "an empty response is used at once"


def test_a_query_that_is_sent_again_is_the_same_query() -> None:
    """By this an empty page is recognised as the second one of its query."""
    one, other = replace(query(), number=1), replace(query(), number=2)
    assert one == other
    assert one.params() == other.params()


def page_of(*records: tuple[int, int], deleted: str = "", unusable: bool = False) -> Page:
    """Ids and seconds; `deleted` has a `d` for each record in the trash."""
    kinds = deleted.ljust(len(records))
    rows = tuple(RawRecord(id_, at, kind == "d", b"") for (id_, at), kind in zip(records, kinds, strict=True))
    return Page(rows, has_next=False, unusable=(Unusable(99, b""),) if unusable else ())


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        ("updated_at asc", [7, 5]),
        ("updated_at desc", [-7, -5]),
        ("id asc", [1, 2]),
        ("id desc", [-1, -2]),
    ],
)
def test_the_keys_of_a_page_increase_along_a_sorted_list(order: Order, keys: list[int]) -> None:
    assert query(order=order).keys(page_of((1, 7), (2, 5))) == keys


@pytest.mark.parametrize(
    ("record_list", "order"), [(LIVE, "updated_at desc"), (TRASH, "updated_at desc"), (TASKS.live, "id desc")]
)
def test_the_newest_record_is_requested_in_the_order_that_the_list_supports(
    record_list: RecordList, order: Order
) -> None:
    assert newest_of(record_list) == Query(record_list, order, limit=1)


FILTERED = query(from_at=5, to_at=9)


@pytest.mark.parametrize(
    ("sent", "page", "oddity"),
    [
        (FILTERED, page_of(), None),
        (FILTERED, page_of((1, 5), (2, 9)), None),
        (FILTERED, page_of((2, 5), (1, 5)), None),
        (FILTERED, page_of((1, 4)), "filter_ignored"),
        (FILTERED, page_of((1, 9), (2, 10)), "filter_ignored"),
        (query(), page_of((1, 4), (2, 10)), None),
        (query(from_at=5), page_of((1, 4)), None),
        (query(to_at=9), page_of((1, 10)), None),
        (FILTERED, page_of((1, 6), (2, 5)), "order_ignored"),
        (query(order="updated_at desc"), page_of((1, 5), (2, 6)), "order_ignored"),
        (query(order="id asc"), page_of((2, 5), (1, 6)), "order_ignored"),
        (FILTERED, page_of((1, 5), unusable=True), "unusable"),
        (query(), page_of(unusable=True), "unusable"),
        (query(TRASH), page_of((1, 5), (2, 6), deleted="dd"), None),
        (query(TRASH), page_of(), None),
        (query(TRASH), page_of((1, 5), (2, 6), deleted=" d"), "kind_mixed"),
        (query(TRASH), page_of((1, 5), (2, 6)), "kind_ignored"),
        (query(CONTACTS.live), page_of((1, 5), deleted="d"), None),
        # The worst one is told.
        (replace(FILTERED, record_list=TRASH), page_of((1, 99), (2, 4), unusable=True), "kind_ignored"),
        (FILTERED, page_of((1, 99), (2, 4), unusable=True), "order_ignored"),
        (FILTERED, page_of((1, 99), unusable=True), "filter_ignored"),
    ],
)
def test_a_page_that_is_not_what_was_requested_is_odd(sent: Query, page: Page, oddity: str | None) -> None:
    assert oddity_of(sent, page) == oddity


def test_a_paginator_has_counted_nothing_at_first() -> None:
    assert PageStats() == PageStats(duplicates=0, moved_out=0)


def test_an_error_names_the_list_and_its_order() -> None:
    assert str(unproven(FILTERED, cause="It is so.", fix="Wait.")).startswith("Reading leads by updated_at asc")
