"""One pass over the pages of a small list: what a page contains, and what its pages prove together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http.responses import Response, RetryableError
from amocrm_assets.crm.pagination.whole_list_pages import (
    ListPass,
    WholeListPage,
    identity_of,
    parse_whole_list,
    read_pass,
)
from amocrm_assets.entities.reference import ACCOUNT, WholeList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TAGS = WholeList("tags", "tags", "/tags", "tags")


def page_in(body: str, record_list: WholeList = TAGS, *, status: int = 200) -> WholeListPage:
    return parse_whole_list(Response("/tags", status, body.encode()), record_list)


@pytest.mark.parametrize(
    ("links", "count", "has_next", "total"),
    [
        ("{}", "", False, None),
        ('{"next":{}}', "", True, None),
        ("{}", ',"_total_items":7', False, 7),
        ("{}", ',"_total_items":"7"', False, None),
        ("{}", ',"_total_items":true', False, None),
    ],
)
def test_records_are_lines_as_they_were_sent_with_what_the_page_states(
    links: str, count: str, total: int | None, *, has_next: bool
) -> None:
    sent = ('{"id": 1}', '{"id":2,"name":"а"}')
    page = page_in(f'{{"_links":{links},"_embedded":{{"tags":[{",".join(sent)}]}}{count}}}')
    assert page == WholeListPage(tuple(each.encode() for each in sent), has_next, total)


def test_a_record_of_several_lines_becomes_one_and_half_of_an_emoji_is_kept() -> None:
    page = page_in('{"_links":{},"_embedded":{"tags":[{"id":\n1},{"id":2}]}}')
    assert page.lines == (b'{"id":1}', b'{"id":2}')
    page = page_in('{"_links":{},"_embedded":{"tags":[{"id": 1},{"id": 2,"name":"\\ud83d"}]}}')
    assert page.lines == (b'{"id":1}', b'{"id":2,"name":"\\ud83d"}')


def test_the_account_is_the_only_record_of_its_response() -> None:
    assert page_in('{"id":\n5}', ACCOUNT) == WholeListPage((b'{"id":5}',), has_next=False, total=1)


def test_204_is_a_page_without_records() -> None:
    assert page_in("", status=204) == WholeListPage((), has_next=False, total=None)


@pytest.mark.parametrize(
    ("body", "record_list", "status", "reason"),
    [
        ("", ACCOUNT, 204, "no the account's own properties"),
        ('{"id":null}', ACCOUNT, 200, "without id"),
        ("[]", TAGS, 200, "no tags but a list"),
        ('{"_links":{}}', TAGS, 200, "holds no list of tags"),
        ('{"_links":{},"_embedded":[]}', TAGS, 200, "holds no list of tags"),
        ('{"_links":{},"_embedded":{"tags":{}}}', TAGS, 200, "holds no list of tags"),
        ('{"_links":{},"_embedded":{"tags":[{"id":1},2]}}', TAGS, 200, "holds no list of tags"),
        ('{"_links":[],"_embedded":{"tags":[]}}', TAGS, 200, "_links are no object"),
        ('{"_links":{},"_embedded":{"tags":[{"id":1,"sort":NaN}]}}', TAGS, 200, "numbers that are no JSON"),
        ('{"_links":{},"_embedded":{"tags":[{"id":1,"name":"\\ud83d","sort":1e999}]}}', TAGS, 200, "are no JSON"),
    ],
)
def test_a_page_that_is_damaged_is_requested_again(
    body: str, record_list: WholeList, status: int, reason: str
) -> None:
    with pytest.raises(RetryableError, match=reason) as caught:
        page_in(body, record_list, status=status)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b'{"id":5,"name":"a"}', 5),
        (b'{"id":"5"}', "5"),
        (b'{"id":null}', b'{"id":null}'),
        (b'{"name":"a"}', b'{"name":"a"}'),
        (b'{"id":5.5}', b'{"id":5.5}'),
        (b'{"id":"\\ud83d"}', b'{"id":"\\ud83d"}'),
    ],
)
def test_a_record_is_known_by_its_id_and_without_one_by_all_of_it(line: bytes, identity: object) -> None:
    assert identity_of(line) == identity


class Pages:
    """Pages as ids, whether there is a next one, and a count; behind them the last one again, or an empty one."""

    def __init__(self, *pages: tuple[range, bool, int | None], repeats: bool = False) -> None:
        self._pages = pages
        self._repeats = repeats
        self.requested: list[Mapping[str, Any]] = []

    def request(self, path: str, params: Mapping[str, Any], parse: Callable[[Response], Any]) -> Any:
        self.requested.append(params)
        number = len(self.requested)
        if number > len(self._pages) and not self._repeats:
            return parse(Response(path, 204))
        ids, has_next, total = self._pages[min(number, len(self._pages)) - 1]
        body: dict[str, Any] = {
            "_links": {"next": {}} if has_next else {},
            "_embedded": {"tags": [{"id": each} for each in ids]},
        }
        return parse(
            Response(path, 200, json.dumps(body if total is None else body | {"_total_items": total}).encode())
        )


def pass_over(pages: Pages, record_list: WholeList = TAGS, *, should_be_filled: bool = False) -> ListPass:
    client: Any = pages
    return read_pass(client, record_list, should_be_filled=should_be_filled)


A, B = range(100), range(100, 130)


@pytest.mark.parametrize(
    ("pages", "records", "requests", "lacks_proof"),
    [
        # Without a count: no next page, and a page that is not full or is followed by an empty one.
        (Pages((B, False, None)), 30, 1, False),
        (Pages((A, False, None)), 100, 2, False),
        (Pages((A, False, None), (B, False, None)), 130, 2, False),
        (Pages((B, True, None)), 30, 2, False),
        (Pages((B, True, None), repeats=True), 30, 2, True),
        (Pages(), 0, 1, False),
        # With one, it decides, and a next page is requested although all that were counted have come.
        (Pages((A, False, 100)), 100, 1, False),
        (Pages((A, False, 101)), 100, 1, True),
        (Pages((A, True, 130), (B, False, 130)), 130, 2, False),
        (Pages((A, True, 131), (B, False, 130)), 130, 2, True),
        (Pages((A, True, 130), (B, False, None)), 130, 2, False),
        (Pages((A, True, None), (B, False, 130)), 130, 2, False),
        (Pages((A, True, 100)), 100, 2, False),
        (Pages((A, True, 100), repeats=True), 100, 2, False),
        (Pages((A, True, 100), (B, False, 100)), 130, 2, True),
    ],
)
def test_a_pass_ends_with_what_proves_its_end_or_lacks_proof(
    pages: Pages, records: int, requests: int, *, lacks_proof: bool
) -> None:
    found = pass_over(pages)
    assert [json.loads(line)["id"] for line in found.lines] == list(range(records)) or found.lines[
        0
    ] == b'{"id": 100}'
    assert (len(found.lines), found.pages, len(pages.requested)) == (records, requests, requests)
    assert found.lacks_proof() == lacks_proof


@pytest.mark.parametrize(
    ("pages", "should_be_filled", "ends_empty"),
    [
        (Pages(), False, False),
        (Pages(), True, True),
        (Pages((range(0), False, 0)), True, True),
        (Pages((B, False, None)), True, False),
        (Pages((A, False, None)), True, False),
        (Pages((A, True, None)), False, True),
        (Pages((A, True, 130)), False, True),
        (Pages((A, True, 100)), False, False),
    ],
)
def test_a_page_that_should_exist_and_is_empty_is_noticed(
    pages: Pages, *, should_be_filled: bool, ends_empty: bool
) -> None:
    assert pass_over(pages, should_be_filled=should_be_filled).ends_empty == ends_empty


def test_pages_are_requested_by_number_and_lists_without_pages_once() -> None:
    pages = Pages((A, True, None), (B, False, None))
    pass_over(pages)
    assert pages.requested == [{"limit": 250, "page": 1}, {"limit": 250, "page": 2}]
    pages = Pages((A, True, None))
    assert not pass_over(
        pages, WholeList("tags", "tags", "/tags", "tags", params={}, is_paged=False)
    ).lacks_proof()
    assert pages.requested == [{}]


def test_a_list_that_has_always_a_next_page_has_no_end() -> None:
    endless = Pages(*[(range(number, number + 1), True, None) for number in range(1_001)])
    found = pass_over(endless)
    assert (len(found.lines), found.pages) == (1_000, 1_000)
    assert (found.end_found, found.ends_empty) == (False, False)
