"""Small lists that change, or are empty or short now and then, while they are read: whole, or with a finding."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http.responses import Response, RetryableError
from amocrm_assets.crm.http.retries import MAX_ATTEMPTS
from amocrm_assets.crm.pagination.whole_lists import read_whole_list, read_whole_lists
from amocrm_assets.entities.reference import WholeList
from amocrm_assets.errors import AmoCrmUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amocrm_assets.crm.pagination.whole_lists import ListRead
    from amocrm_assets.errors import AmoCrmAssetsError

TAGS = WholeList("tags", "tags", "/tags", "tags")
REASONS = WholeList("reasons", "reasons", "/reasons", "reasons")
FIELDS = WholeList("fields", "fields", "/fields", "fields", has_total=True)
LIMIT = 50


@dataclass
class Account:
    """Lists of ids by path, and what happens to a response: `change` is called with its number, from 1 on.

    It may change the lists, and returns the response to send instead of the right one.
    """

    ids: dict[str, list[int]]
    counted: frozenset[str] = frozenset({"/fields"})
    change: Callable[[int, str, dict[str, Any]], dict[str, Any] | None] = lambda _, __, body: body
    next_always: bool = False
    errors: dict[str, AmoCrmAssetsError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, path: str) -> None:
        """A request whose response is of no interest."""
        self.asked.append(path)

    def request(self, path: str, params: Mapping[str, Any], parse: Callable[[Response], Any]) -> Any:
        """As the client does: broken responses, and those without a record that should be there, come again."""
        if path in self.errors:
            self.asked.append(path)
            raise self.errors[path]
        for _ in range(MAX_ATTEMPTS):
            try:
                return parse(self._respond(path, int(params.get("page", 1))))
            except RetryableError as error:
                last = error
        raise AmoCrmUnavailable(f"Reading {path}", cause=str(last), fix="", status=last.status)

    def _respond(self, path: str, page: int) -> Response:
        ids = self.ids[path]
        begin, end = (page - 1) * LIMIT, page * LIMIT
        links = {"next": {"href": "x"}} if end < len(ids) or self.next_always else {}
        records = [{"id": each} for each in ids[begin:end]]
        body: dict[str, Any] | None = {"_links": links, "_embedded": {path[1:]: records}}
        if path in self.counted and body:
            body["_total_items"] = len(ids)
        self.asked.append(path)
        body = self.change(len(self.asked), path, body or {})
        if not body or not (body["_embedded"][path[1:]] or body.get("_total_items")):
            return Response(path, 204)
        return Response(path, 200, json.dumps(body).encode())


def read(account: Account, *lists: WholeList, before: Mapping[str, int] | None = None) -> dict[str, ListRead]:
    client: Any = account
    found = read_whole_lists(client, lists, user="user 1", records_before=before or {})
    return {each.record_list.name: each for each in found}


def ids_of(found: ListRead) -> list[int]:
    return sorted(json.loads(line)["id"] for line in found.lines)


def removing(at: int, ids: list[int], removed: int, added: int | None = None) -> Callable[..., Any]:
    """While the response of that number is sent, a record is deleted and another one may be added."""

    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any]:
        if number == at:
            ids.remove(removed)
            ids.extend([] if added is None else [added])
        return body

    return change


@pytest.mark.parametrize("record_list", [TAGS, FIELDS], ids=str)
@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("removed", [1, 49, 51, 120])
def test_a_record_that_moves_to_an_earlier_page_while_another_is_deleted_is_read(
    record_list: WholeList, at: int, removed: int
) -> None:
    ids = list(range(1, 130))
    account = Account({record_list.path: ids}, change=removing(at, ids, removed))
    found = read(account, record_list)[record_list.name]
    assert found.is_complete
    assert set(ids_of(found)) >= set(range(1, 130)) - {removed}


def test_a_record_that_is_added_while_its_list_is_counted_costs_no_second_pass() -> None:
    ids = list(range(1, 130))

    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any]:
        ids.extend([130] * (number == 1))
        return body

    account = Account({"/fields": ids}, change=change)
    assert ids_of(read(account, FIELDS)["fields"]) == list(range(1, 131))
    assert len(account.asked) == 3


def test_pages_that_differ_in_each_pass_are_a_finding() -> None:
    ids = list(range(1, 130))

    def change(_: int, __: str, body: dict[str, Any]) -> dict[str, Any]:
        del ids[0]
        return body

    found = read(Account({"/tags": ids}, change=change), TAGS)["tags"]
    assert not found.is_complete
    assert [(each.kind, each.may_miss) for each in found.findings] == [("list_unproven", True)]
    assert "read 4 times" in found.findings[0].cause


def test_a_count_that_a_next_page_contradicts_is_no_end() -> None:
    """As a server that counts the records of a page, or a count from before others were added."""

    def change(_: int, __: str, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"_total_items": len(body["_embedded"]["fields"])}

    found = read(Account({"/fields": list(range(1, 81))}, change=change), FIELDS)["fields"]
    assert ids_of(found) == list(range(1, 81))
    assert not found.is_complete


def test_a_list_that_is_counted_ends_with_the_empty_page_behind_its_records() -> None:
    account = Account({"/fields": [1, 2]}, next_always=True)
    assert read(account, FIELDS, before={"fields": 3})["fields"].is_complete
    assert len(account.asked) == 2


def empty_on(*numbers: int) -> Callable[..., Any]:
    return lambda number, _, body: None if number in numbers else body


def test_a_list_that_had_records_in_one_pass_is_not_believed_to_be_empty_in_the_next() -> None:
    """The first reading of an account, in an outage that begins at the second page."""
    account = Account({"/reasons": [7], "/fields": list(range(80))}, change=empty_on(3, 4))
    found = read(account, REASONS, FIELDS)
    assert ids_of(found["fields"]) == list(range(80))


def test_a_list_that_had_records_when_it_was_read_first_is_not_believed_to_be_empty_later() -> None:
    account = Account({"/reasons": [7], "/tags": list(range(80))}, change=empty_on(3, 5, 7))
    found = read(account, REASONS, TAGS)
    assert ids_of(found["tags"]) == list(range(80))


@pytest.mark.parametrize("damage", ["empty", "short"])
def test_no_record_is_missing_in_silence_where_one_response_in_nine_is_empty_or_short(damage: str) -> None:
    """The day before, all were read."""
    for seed in range(40):
        random = Random(f"{damage} {seed}")
        sizes = {"/tags": random.choice([0, 3, 70, 260]), "/reasons": 4, "/fields": random.choice([5, 120])}

        def change(_: int, path: str, body: dict[str, Any], random: Random = random) -> dict[str, Any] | None:
            if random.randrange(9):
                return body
            name = path[1:]
            kept = body["_embedded"][name][: len(body["_embedded"][name]) // 2]
            return None if damage == "empty" else body | {"_embedded": {name: kept}, "_links": {}}

        account = Account({path: list(range(size)) for path, size in sizes.items()}, change=change)
        before = {path[1:]: size for path, size in sizes.items()}
        for name, found in read(account, TAGS, REASONS, FIELDS, before=before).items():
            assert not found.is_complete or ids_of(found) == list(range(before[name])), (seed, name)


def test_a_list_of_which_nothing_is_known_may_be_empty() -> None:
    client: Any = Account({"/tags": []})
    found = read_whole_list(client, TAGS)
    assert (found.is_complete, found.ends_empty) == (True, False)
    assert read_whole_list(client, TAGS, was_filled=True).ends_empty


def others(*names: str) -> list[WholeList]:
    return [WholeList(name, name, f"/{name}", name) for name in names]
