"""Small lists that are refused, fail, or lack what each account has: a finding says so, and others are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination.whole_lists import MAX_READ_AGAIN
from amocrm_assets.entities.reference import WholeList
from amocrm_assets.errors import AccessDenied, AccountBlocked, AmoCrmUnavailable, UnexpectedAnswer
from amocrm_assets_tests.crm.pagination.test_whole_lists import (
    FIELDS,
    REASONS,
    TAGS,
    Account,
    others,
    read,
)

if TYPE_CHECKING:
    from amocrm_assets.errors import AmoCrmAssetsError


def error(kind: type[AmoCrmAssetsError], status: int | None) -> AmoCrmAssetsError:
    return kind("Reading a list", cause="it is so.", fix="Wait.", status=status)


@pytest.mark.parametrize(
    ("kind", "status", "outcome", "requests"),
    [
        (AccessDenied, 403, "refused", ["/tags"]),
        (UnexpectedAnswer, 400, "refused", ["/tags"]),
        (UnexpectedAnswer, 404, "refused", ["/tags"]),
        (AccountBlocked, 403, "refused", ["/tags", "/api/v4/account"]),
        (UnexpectedAnswer, 418, "failed", ["/tags"]),
        (AmoCrmUnavailable, 504, "failed", ["/tags"]),
        (AmoCrmUnavailable, None, "failed", ["/tags"]),
    ],
)
def test_a_list_that_is_refused_or_fails_leaves_the_others(
    kind: type[AmoCrmAssetsError], status: int | None, outcome: str, requests: list[str]
) -> None:
    account = Account({"/reasons": [7]}, errors={"/tags": error(kind, status)})
    found = read(account, TAGS, REASONS)
    tags = found["tags"]
    assert (tags.outcome, tags.lines) == (outcome, ())
    assert (tags.is_complete, tags.is_counted, tags.ends_empty) == (False, False, False)
    assert tags.error is account.errors["/tags"]
    assert [each.kind for each in tags.findings] == [f"list_{outcome}"]
    assert found["reasons"].is_complete
    assert account.asked == [*requests, "/reasons"]


def test_repeated_429s_end_the_reading() -> None:
    account = Account({}, errors={"/tags": error(AmoCrmUnavailable, 429)})
    with pytest.raises(AmoCrmUnavailable):
        read(account, TAGS, REASONS)


@pytest.mark.parametrize(("failing", "requested"), [("ab", "ab"), ("acd", "abcd"), ("ace", "abcdef")])
def test_after_two_lists_without_a_response_in_a_row_the_others_are_not_requested(
    failing: str, requested: str
) -> None:
    errors = {f"/{name}": error(AmoCrmUnavailable, 504) for name in failing}
    account = Account({f"/{name}": [1] for name in "abcdef"}, errors=errors)
    found = read(account, *others(*"abcdef"))
    assert account.asked == [f"/{name}" for name in requested]
    read_lists = set(requested) - set(failing)
    assert {name: each.outcome for name, each in found.items()} == {
        name: "read" if name in read_lists else "failed" for name in "abcdef"
    }
    causes = {name for name, each in found.items() if "was not requested" in str(each.findings)}
    assert causes == set("abcdef") - set(requested)


USERS = WholeList("users", "users", "/users", "users", is_never_empty=True)
PIPELINES = WholeList(
    "pipelines", "pipelines", "/pipelines", "pipelines", within="statuses", always_within=frozenset({142, 143})
)


@pytest.mark.parametrize(
    ("turns", "kinds", "requests"),
    [
        (1, [], 2),
        (MAX_READ_AGAIN, [], 1 + MAX_READ_AGAIN),
        (1 + MAX_READ_AGAIN, ["list_empty"], 1 + MAX_READ_AGAIN),
    ],
)
def test_a_list_that_every_account_has_is_not_believed_to_be_empty(
    turns: int, kinds: list[str], requests: int
) -> None:
    def change(_: int, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        return None if path == "/users" and account.asked.count(path) <= turns else body

    account = Account({"/reasons": [7], "/users": [1]}, change=change)
    found = read(account, REASONS, USERS)["users"]
    assert [each.kind for each in found.findings] == kinds
    assert found.is_complete == (not kinds)
    assert account.asked.count("/users") == requests


def test_a_list_that_every_account_has_is_read_again_though_two_passes_over_it_were_empty() -> None:
    """The first one contradicts its own count."""

    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any] | None:
        contradictory = {"_embedded": {"users": []}, "_links": {}, "_total_items": 1}
        return {1: contradictory, 2: None}.get(number, body)

    account = Account({"/users": [1]}, change=change)
    assert len(read(account, USERS)["users"].lines) == 1
    assert len(account.asked) == 3


@pytest.mark.parametrize(
    ("stages", "turns", "kinds", "requests"),
    [
        ([{"id": 142}, {"id": "143"}, {"id": 7}], 9, [], 1),
        ([{"id": 142}], 1, [], 2),
        ([{"id": 142}], 9, ["parts_missing"], 2),
        ([7], 9, ["parts_missing"], 2),
        (None, 9, ["parts_missing"], 2),
    ],
)
def test_a_record_without_what_each_one_contains_is_read_twice(
    stages: Any, turns: int, kinds: list[str], requests: int
) -> None:
    def change(number: int, _: str, body: dict[str, Any]) -> dict[str, Any]:
        whole = [{"id": 142}, {"id": 143}]
        body["_embedded"]["pipelines"][0]["_embedded"] = {"statuses": whole}
        body["_embedded"]["pipelines"][1]["_embedded"] = {"statuses": stages if number <= turns else whole}
        return body

    account = Account({"/pipelines": [1, 2]}, change=change)
    found = read(account, PIPELINES)["pipelines"]
    assert [each.kind for each in found.findings] == kinds
    assert (found.is_complete, len(found.lines), len(account.asked)) == (not kinds, 2, requests)


@pytest.mark.parametrize(("ids", "kinds"), [([1, 2], ["total_missing"]), ([], [])])
def test_a_list_without_the_count_that_is_documented_is_complete_and_says_so(
    ids: list[int], kinds: list[str]
) -> None:
    found = read(Account({"/fields": ids}, counted=frozenset()), FIELDS)["fields"]
    assert [each.kind for each in found.findings] == kinds
    assert found.is_complete


def test_a_list_with_another_number_of_records_than_its_count_is_read_twice() -> None:
    def change(_: int, __: str, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"_total_items": 5}

    account = Account({"/fields": [1, 2]}, change=change)
    found = read(account, FIELDS)["fields"]
    assert [each.kind for each in found.findings] == ["list_unproven"]
    assert "2 records, and amoCRM counts 5" in found.findings[0].cause
    assert (found.is_complete, len(account.asked)) == (False, 2)
