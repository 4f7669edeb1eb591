"""Pages get lighter while they fail: first smaller, then without details; and heavier again when they work."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination.page_size import (
    MAX_GOOD_PAGES,
    MAX_WITHOUT_DETAILS,
    MIN_GOOD_PAGES,
    PAGE_LIMIT,
    STEPS,
    PageSize,
)


def fail(size: PageSize) -> None:
    size.failed(size.limit, details=size.details)


def test_details_are_given_up_only_when_small_pages_fail_with_them() -> None:
    size, steps = PageSize(details=True), []
    while size.details:
        steps.append(size.limit)
        fail(size)
    assert steps == [step for step in STEPS if step >= MAX_WITHOUT_DETAILS]
    assert size.limit == MAX_WITHOUT_DETAILS


def test_pages_without_details_go_on_shrinking() -> None:
    size = PageSize(MAX_WITHOUT_DETAILS, details=True)
    fail(size)
    fail(size)
    assert (size.limit, size.details) == (25, False)


def test_details_are_asked_for_again_before_larger_pages_are() -> None:
    size = PageSize(details=True)
    while size.details:
        fail(size)
    sizes = []
    for _ in range(64 * MIN_GOOD_PAGES):
        size.worked(size.limit)
        sizes.append((size.limit, size.details))
    assert list(dict.fromkeys(sizes)) == [(50, False), (50, True), (125, True), (250, True)]


def test_each_failure_with_details_makes_it_wait_longer_for_them() -> None:
    size, waits = PageSize(details=True), []
    for _ in range(3):
        while size.details:
            fail(size)
        waits.append(0)
        while not size.details:
            size.worked(size.limit)
            waits[-1] += 1
    # Two sizes failed before the first of them.
    assert waits == [8 * MIN_GOOD_PAGES, 16 * MIN_GOOD_PAGES, 32 * MIN_GOOD_PAGES]


def test_a_list_without_details_never_asks_for_them() -> None:
    size = PageSize()
    fail(size)
    for _ in range(1000):
        size.worked(size.limit)
    assert (size.limit, size.details) == (250, False)
    assert not PageSize.can_shrink(STEPS[-1])
    assert PageSize.can_shrink(STEPS[-1], details=True)


@pytest.mark.parametrize(
    ("limit", "first"), [(None, PAGE_LIMIT), (1_000, PAGE_LIMIT), (250, 250), (60, 60), (10, 10)]
)
def test_a_size_that_is_known_is_the_first_one_unless_amocrm_would_not_honour_it(
    limit: int | None, first: int
) -> None:
    assert PageSize(limit).limit == first


def test_pages_that_fail_shrink_to_the_smallest_size_and_stay_there() -> None:
    size, limits = PageSize(), []
    for _ in range(len(STEPS) + 1):
        limits.append(size.limit)
        fail(size)
    assert limits == [*STEPS, STEPS[-1]]
    assert [PageSize.can_shrink(step) for step in STEPS] == [True] * (len(STEPS) - 1) + [False]


def test_several_pages_of_one_size_that_fail_make_it_smaller_once() -> None:
    """They were in flight together."""
    size = PageSize()
    for _ in range(3):
        size.failed(PAGE_LIMIT)
    assert size.limit == 125
    assert growth(size, 125) == 2 * MIN_GOOD_PAGES


def test_a_page_of_a_list_without_details_shrinks_whatever_its_size() -> None:
    size = PageSize(MAX_WITHOUT_DETAILS)
    size.failed(MAX_WITHOUT_DETAILS)
    assert size.limit == 25


def growth(size: PageSize, limit: int) -> int | None:
    """The number of successful pages of `limit` until a larger size is requested; None if it never is."""
    before = size.limit
    for number in range(1, 2 * MAX_GOOD_PAGES):
        size.worked(limit)
        if size.limit > before:
            return number
    return None


@pytest.mark.parametrize(
    ("failures", "limits", "pages"),
    [
        (1, (125, 250), 2 * MIN_GOOD_PAGES),
        (2, (50, 125), 4 * MIN_GOOD_PAGES),
        (4, (10, 25), 16 * MIN_GOOD_PAGES),
    ],
)
def test_a_larger_size_is_tried_after_twice_as_many_successful_pages_for_each_that_failed(
    failures: int, limits: tuple[int, int], pages: int
) -> None:
    size = PageSize()
    for _ in range(failures):
        fail(size)
    before = size.limit
    assert growth(size, before) == pages
    assert (before, size.limit) == limits


def test_each_size_has_to_work_as_long_before_the_next_one() -> None:
    size = PageSize()
    fail(size)
    fail(size)
    assert [growth(size, 50), growth(size, 125), size.limit] == [4 * MIN_GOOD_PAGES, 4 * MIN_GOOD_PAGES, 250]


def test_a_size_that_is_known_is_kept_for_longest() -> None:
    size = PageSize(50)
    assert growth(size, 50) == MAX_GOOD_PAGES
    fail(size)
    assert growth(size, 50) == MAX_GOOD_PAGES


def test_a_failure_in_between_begins_the_count_again() -> None:
    size = PageSize(50)
    for _ in range(MAX_GOOD_PAGES - 1):
        size.worked(50)
    size.failed(PAGE_LIMIT)
    assert growth(size, 50) == MAX_GOOD_PAGES


@pytest.mark.parametrize(("limit", "pages"), [(125, 8), (101, 8), (100, 8), (99, None), (10, None)])
def test_only_pages_of_nearly_the_size_show_that_larger_ones_may_work(limit: int, pages: int | None) -> None:
    size = PageSize()
    fail(size)
    assert growth(size, limit) == pages
