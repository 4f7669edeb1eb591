"""Small lists that may have had more records are read again after all others, and believed if nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm_assets.crm.pagination.whole_lists import MAX_READ_AGAIN
from amocrm_assets_tests.crm.pagination.test_whole_lists import (
    FIELDS,
    LIMIT,
    REASONS,
    TAGS,
    Account,
    empty_on,
    ids_of,
    others,
    read,
)


@pytest.mark.parametrize("kept", [0, 3])
def test_a_list_with_fewer_records_than_before_is_read_again(kept: int) -> None:
    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any]:
        if number == 1:
            body["_embedded"]["tags"] = body["_embedded"]["tags"][:kept]
        return body

    account = Account({"/tags": [1, 2, 3, 4], "/reasons": [7]}, change=change)
    assert ids_of(read(account, TAGS, REASONS, before={"tags": 4})["tags"]) == [1, 2, 3, 4]
    assert account.asked == ["/tags", "/reasons", "/reasons", "/tags"], "a record of another list was seen before"


@pytest.mark.parametrize(
    ("now", "before", "requests"),
    [
        (3, {}, 1),
        (3, {"tags": 3}, 1),
        (3, {"tags": 2}, 1),
        (3, {"tags": 4}, 1 + MAX_READ_AGAIN),
        (0, {"tags": 1}, 1 + MAX_READ_AGAIN),
        (0, {}, 1),
    ],
)
def test_a_list_that_has_become_shorter_is_believed_the_fifth_time(
    now: int, before: dict[str, int], requests: int
) -> None:
    account = Account({"/reasons": [7], "/tags": list(range(now))})
    found = read(account, REASONS, TAGS, before=before)["tags"]
    assert found.is_complete
    assert ids_of(found) == list(range(now))
    assert account.asked.count("/tags") == requests


@pytest.mark.parametrize("empty", [0, 3])
def test_one_record_of_another_list_is_the_witness_of_all_lists_that_are_read_again(empty: int) -> None:
    """It is waited for."""
    account = Account({"/a": [], "/b": [], "/reasons": [7]}, change=empty_on(*range(4, 4 + empty)))
    found = read(account, *others("a", "b"), REASONS, before={"a": 1, "b": 1})
    assert all(each.is_complete for each in found.values())
    witness = ["/reasons"] * (1 + empty)
    assert account.asked == ["/a", "/b", "/reasons", *witness, *["/a", "/b"] * MAX_READ_AGAIN]


def test_a_next_page_that_is_empty_in_two_readings_does_not_exist() -> None:
    account = Account({"/tags": list(range(2 * LIMIT))}, next_always=True)
    assert read(account, TAGS)["tags"].is_complete
    assert len(account.asked) == 3 * 2 * 2, "three pages, in two passes each time"


def test_lists_that_had_records_and_are_empty_like_all_others_are_not_believed() -> None:
    found = read(Account({"/a": [], "/b": [], "/c": []}), *others("a", "b", "c"), before={"a": 1, "b": 1})
    kinds = {name: [each.kind for each in read_list.findings] for name, read_list in found.items()}
    assert kinds == {"a": ["list_empty"], "b": ["list_empty"], "c": []}
    assert [name for name, each in found.items() if each.is_complete] == ["c"]


def test_a_list_of_which_an_earlier_reading_had_more_records_is_not_complete() -> None:
    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any]:
        body["_embedded"]["tags"] = body["_embedded"]["tags"][: 3 if number == 2 else 2]
        return body

    found = read(Account({"/tags": [1, 2, 3, 4]}, change=change), TAGS, before={"tags": 4})["tags"]
    assert ids_of(found) == [1, 2]
    assert not found.is_complete
    assert [each.kind for each in found.findings] == ["list_unproven"]
    assert "read 5 times" in found.findings[0].cause


def test_a_count_proves_that_an_earlier_reading_had_records_that_are_gone() -> None:
    ids = [1, 2, 3]

    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any]:
        if number == 1:
            ids.remove(3)
            del body["_total_items"]
        return body

    found = read(Account({"/fields": ids}, change=change), FIELDS, before={"fields": 4})["fields"]
    assert (ids_of(found), found.is_complete, found.findings) == ([1, 2], True, ())


def test_a_list_that_is_empty_like_all_others_after_it_had_records_has_one_finding() -> None:
    account = Account({"/tags": [1, 2, 3]}, change=empty_on(*range(2, 9)))
    found = read(account, TAGS, before={"tags": 4})["tags"]
    assert [each.kind for each in found.findings] == ["list_empty"]
