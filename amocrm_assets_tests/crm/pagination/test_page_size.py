"""Pages get lighter while they fail: first smaller, then without details; and heavier again when they work."""

from __future__ import annotations

from amocrm_assets.crm.pagination.page_size import MAX_WITHOUT_DETAILS, MIN_GOOD_PAGES, STEPS, PageSize


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
