"""Tests of `crm.account` on answers that the sandbox never gives: where a list of custom fields ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from amocrm_assets.crm import account
from amocrm_assets.crm.account import account_of, read_custom_fields
from amocrm_assets.crm.http.responses import Response, RetryableError
from amocrm_assets.entities.reference import PIPELINES
from amocrm_assets.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.http.client import AmoCrmClient

PATH = "/api/v4/leads/custom_fields"
EMPTY = Response(PATH, 204)


def page(*fields: Any, more: bool = False, **properties: object) -> Response:
    """A page of fields, each given by its id or as a whole, that has a next page or not."""
    records = [field if isinstance(field, dict) else {"id": field} for field in fields]
    body = {"_embedded": {"custom_fields": records}, "_links": {"next": {"href": "x"}} if more else {}}
    return Response(PATH, 200, json.dumps(body | properties).encode())


class Answering:
    """A client whose requests for fields get these responses, one after another."""

    def __init__(self, *responses: Response) -> None:
        self.responses = list(responses)
        self.asked: list[Any] = []

    def request(self, path: str, params: dict[str, Any], parse: Callable[[Response], Any]) -> Any:
        if path == PIPELINES.path:
            return self.asked.append("pipelines")
        assert (path, params["limit"]) == (PATH, 250)
        self.asked.append(params["page"])
        return parse(self.responses.pop(0))

    def fields(self) -> list[dict[str, Any]]:
        return read_custom_fields(cast("AmoCrmClient", self), PATH)


@pytest.mark.parametrize(
    ("responses", "ids", "asked"),
    [
        # Without a count the end is an empty page after the last one.
        ([page(1, 2, more=True), page(3), EMPTY], [1, 2, 3], [1, 2, 3]),
        ([page(1), page(2), page()], [1, 2], [1, 2, 3]),
        # With one it is the page that completes it.
        ([page(1, 2, _total_items=2)], [1, 2], [1]),
        ([page(1, more=True, _total_items=2), page(2, _total_items=2)], [1, 2], [1, 2]),
        ([page(1, 2, more=True, _total_items=2), page(3, _total_items=3)], [1, 2, 3], [1, 2]),
        ([page(1, _total_items=2), EMPTY], [1], [1, 2]),
        ([page(1, _total_items="1"), EMPTY], [1], [1, 2]),
        # An empty page that the list was not said to end with is requested twice, after a list with records.
        ([EMPTY, EMPTY], [], [1, "pipelines", 1]),
        ([EMPTY, page(1), EMPTY], [1], [1, "pipelines", 1, 2]),
        ([page(1, more=True), EMPTY, page(2), EMPTY], [1, 2], [1, 2, "pipelines", 2, 3]),
        # A page with fields of earlier pages only, too.
        ([page(1, more=True), page(1), page(1)], [1], [1, 2, 2]),
        ([page(1, more=True), page(1, more=True), page(2), EMPTY], [1, 2], [1, 2, 2, 3]),
        ([page(1, more=True, _total_items=1)] * 3, [1], [1, 2, 2]),
    ],
)
def test_custom_fields_are_read_to_the_end_of_their_list(
    responses: list[Response], ids: list[int], asked: list[object]
) -> None:
    client = Answering(*responses)

    assert [field["id"] for field in client.fields()] == ids
    assert client.asked == asked


def test_a_page_of_old_fields_that_has_a_next_one_is_refused_the_second_time() -> None:
    client = Answering(*[page(1, more=True)] * 3)
    with pytest.raises(UnexpectedAnswer, match="page 2 twice contained only fields of earlier pages"):
        client.fields()
    assert client.asked == [1, 2, 2]


@pytest.mark.parametrize(
    ("count", "refused"), [(3, []), (4, ["there are more than 3.", "there is a next page after page 3."])]
)
def test_a_list_has_a_greatest_number_of_fields_and_of_pages(
    monkeypatch: pytest.MonkeyPatch, count: int, refused: list[str]
) -> None:
    numbers = range(1, count + 1)
    long = Answering(page(*numbers, _total_items=count))
    deep = Answering(*(page(number, more=number < count, _total_items=count) for number in numbers))
    causes: list[str] = []
    for limit, client in (("MAX_FIELDS", long), ("MAX_FIELD_PAGES", deep)):
        with monkeypatch.context() as limited:
            limited.setattr(account, limit, 3)
            try:
                assert len(client.fields()) == count
            except UnexpectedAnswer as error:
                causes.append(error.cause)

    assert causes == refused


def test_a_field_is_known_by_its_id_and_without_one_by_all_of_its_properties() -> None:
    first, second = {"name": "a", "code": "b"}, {"code": "b", "name": "a"}
    client = Answering(
        page({"id": 1, "name": "old"}, first, more=True), page({"id": 1, "name": "new"}), page(second)
    )

    assert client.fields() == [{"id": 1, "name": "new"}, first]


@pytest.mark.parametrize("body", [b"[]", b'{"_embedded": {}, "_links": {}}', b'{"_embedded": null}', b"7"])
def test_a_page_without_custom_fields_is_damaged(body: bytes) -> None:
    with pytest.raises(RetryableError, match="a page without custom fields") as caught:
        Answering(Response(PATH, 200, body)).fields()
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("body", "user_id"),
    [({}, None), ({"current_user_id": 12}, 12), ({"current_user_id": "12"}, 12), ({"current_user_id": "x"}, None)],
)
def test_the_user_of_an_account_is_a_number_or_unknown(body: dict[str, object], user_id: int | None) -> None:
    """Another type would be stored with the tokens, and the stored tokens would count as damaged."""
    assert account_of({"id": 7, **body}).current_user_id == user_id


def test_what_an_account_does_not_say_is_empty_or_unknown() -> None:
    said = account_of({"id": 7, "name": "Acme", "subdomain": "acme", "_embedded": []})
    unsaid = account_of({"id": 7, "name": None, "_embedded": {"datetime_settings": None}})

    assert (said.name, said.subdomain, said.timezone) == ("Acme", "acme", None)
    assert (unsaid.name, unsaid.subdomain, unsaid.timezone) == ("", "", None)
