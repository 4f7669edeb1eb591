"""Lists that are read page by page without verification, and what their pages may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from amocrm_assets.crm.http.responses import Response, RetryableError
from amocrm_assets.crm.pagination.lists import list_pages, parse_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets.crm.http.client import AmoCrmClient


class Listed:
    """A client of a list with these pages."""

    def __init__(self, *pages: list[int]) -> None:
        self._pages = pages
        self.requested: list[dict[str, Any]] = []

    def request(self, path: str, params: Mapping[str, Any], parse: object) -> tuple[list[dict[str, Any]], bool]:
        assert (path, parse) == ("/api/v4/tags", parse_list)
        self.requested.append(dict(params))
        page = params["page"]
        return [{"id": each} for each in self._pages[page - 1]], page < len(self._pages)


def read(listed: Listed, **params: Any) -> list[list[int]]:
    pages = list_pages(cast("AmoCrmClient", listed), "/api/v4/tags", params)
    return [[each["id"] for each in page] for page in pages]


def test_a_list_is_read_to_the_page_without_a_next_one() -> None:
    listed = Listed([1, 2], [3], [4])
    assert read(listed) == [[1, 2], [3], [4]]
    assert listed.requested == [{"limit": 250, "page": number} for number in (1, 2, 3)]


def test_it_begins_with_the_page_and_has_the_limit_and_the_filter_that_are_asked_for() -> None:
    listed = Listed([1], [2], [3])
    assert read(listed, page=2, limit=1, query="x") == [[2], [3]]
    assert listed.requested == [{"limit": 1, "page": number, "query": "x"} for number in (2, 3)]


def test_pages_without_records_are_passed_over() -> None:
    assert read(Listed([1], [], [], [1], [])) == [[1], [1]]
    assert read(Listed([])) == []


def parsed(body: object, status: int = 200) -> tuple[list[dict[str, Any]], bool]:
    return parse_list(Response("/api/v4/tags", status, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("links", "has_next"), [({}, False), ({"next": None}, False), ({"next": {"href": "x"}}, True)]
)
def test_a_page_has_one_list_and_perhaps_a_next_one(links: dict[str, Any], *, has_next: bool) -> None:
    records = [{"id": 1}]
    assert parsed({"_links": links, "_embedded": {"note": 3, "tags": records}}) == (records, has_next)
    assert parse_list(Response("/api/v4/tags", 204)) == ([], False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "without _links"),
        ({"_embedded": {"tags": []}}, "without _links"),
        ({"_links": [], "_embedded": {"tags": []}}, "without _links"),
        ({"_links": {}}, "no list, or several"),
        ({"_links": {}, "_embedded": []}, "no list, or several"),
        ({"_links": {}, "_embedded": {"tags": None}}, "no list, or several"),
        ({"_links": {}, "_embedded": {"tags": [], "fields": []}}, "no list, or several"),
    ],
)
def test_a_page_that_is_none_is_requested_again(body: object, reason: str) -> None:
    with pytest.raises(RetryableError, match=reason) as refused:
        parsed(body)
    assert refused.value.status == 200
