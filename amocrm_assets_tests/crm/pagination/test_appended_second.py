"""A second that does not fit on a page is read page by page, until two passes have the same records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedPage, AppendedQuery
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.test_appended import Listed, record
from amocrm_assets_tests.crm.pagination.test_appended_slice import a_slice, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.pagination.appended_slice import Slice

    Respond = Callable[[AppendedQuery], AppendedPage]


def read_second(respond: Respond) -> tuple[Slice, list[int]]:
    """A single second, read to its end, and the numbers of the pages that it took."""
    part = a_slice(1000, 1000)
    return part, read_to_end(part, respond)


def read_to_end(part: Slice, respond: Respond) -> list[int]:
    pages = []
    verdict = "ask on"
    while verdict == "ask on":
        query = send(part)
        pages.append(query.page)
        assert len(pages) < 6_000
        verdict = part.add_page(query, respond(query))
    assert verdict == "done"
    return pages


def second_of(count: int, kind: str = "a", **changes: object) -> Listed:
    records = [record(number, 1000, kind) for number in range(count)]
    return Listed(records, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "of_pass"),
    [(101, [1, 2]), (199, [1, 2]), (250, [1, 2, 3])],
)
def test_a_second_of_several_pages_is_read_twice(count: int, of_pass: list[int]) -> None:
    part, pages = read_second(second_of(count).respond)
    assert pages == [1, *of_pass, *of_pass]
    assert len(part.records) == len(part.listed) == count
    assert part.state.tied_seconds == 1
    assert part.state.findings == ()


def test_a_second_whose_pages_are_full_ends_with_an_empty_page() -> None:
    _, pages = read_second(second_of(200, names_next="never").respond)
    assert pages == [1, 2, *[1, 2, 3, 3] * 2]  # an empty page is requested once more


@pytest.mark.parametrize(
    ("count", "names_next", "findings"),
    [
        (200, "right", []),
        (200, "never", []),
        (150, "always", ["next_on_last_page"]),
        (200, "always", ["count_differs"]),  # a full page may be cut off
    ],
)
def test_an_empty_page_that_was_named_as_the_next_one_of_a_second_is_a_finding(
    count: int, names_next: str, findings: list[str]
) -> None:
    part, _ = read_second(second_of(count, names_next=names_next).respond)
    assert len(part.records) == count
    assert [each.kind for each in part.state.findings] == findings


def test_records_of_a_second_behind_the_depth_at_which_a_list_stops_are_not_lost_in_silence() -> None:
    listed = second_of(250)

    def respond(query: AppendedQuery) -> AppendedPage:
        return listed.respond(query) if query.page <= 2 else NO_RECORDS

    part, _ = read_second(respond)
    assert len(part.records) == 200
    assert [(each.kind, each.may_miss) for each in part.state.findings] == [("count_differs", True)]


def test_a_second_without_a_wanted_record_is_read_twice_too() -> None:
    part, pages = read_second(second_of(150, kind="novel").respond)
    assert pages == [1, 1, 2, 1, 2]
    assert part.records == {}


def test_a_second_whose_passes_differ_is_read_until_two_agree() -> None:
    listed = second_of(150)
    late = record(900, 1000)

    def respond(query: AppendedQuery) -> AppendedPage:
        if len(listed.queries) == 3:
            listed.records.append(late)
        return listed.respond(query)

    part, pages = read_second(respond)
    assert pages == [1, *[1, 2] * 3]
    assert late in part.records.values()


def test_six_passes_that_differ_are_an_error() -> None:
    listed = second_of(150)

    def respond(query: AppendedQuery) -> AppendedPage:
        if query.page == 1:
            listed.records.append(record(900 + len(listed.queries), 1000))
        return listed.respond(query)

    with pytest.raises(ReadingUnproven, match="6 passes over its pages gave different records"):
        read_second(respond)
    assert [query.page for query in listed.queries] == [1, *[1, 2] * 6]


@pytest.mark.parametrize("received", [2, 4], ids=["in the first pass", "in the second pass"])
def test_a_record_that_only_an_interrupted_pass_has_is_not_lost_in_silence(received: int) -> None:
    listed = second_of(150)
    part = a_slice(1000, 1000)
    for _ in range(received):
        query = send(part)
        assert part.add_page(query, listed.respond(query)) == "ask on"
    assert send(part).page == 2
    part.failed()
    del listed.records[-1]
    with pytest.raises(ReadingUnproven, match="passes over its pages gave different records"):
        read_to_end(part, listed.respond)
    assert "e000149" in part.records


def test_a_second_with_a_next_page_after_2500_pages_is_an_error() -> None:
    queries = []

    def respond(query: AppendedQuery) -> AppendedPage:
        queries.append(query)
        return AppendedPage((record(query.page, 1000),), has_next=query.page < last)

    for last in (2500, 2501):
        queries.clear()
        if last > 2500:
            with pytest.raises(ReadingUnproven, match="a next page after 2500 pages"):
                read_second(respond)
        else:
            read_second(respond)
        assert max(query.page for query in queries) == 2500
