"""Lists that are read as a whole: a page that comes again is no end of them."""

from __future__ import annotations

import json

import pytest

from amocrm_assets.crm.account import read_custom_fields
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.pagination.lists import list_pages
from amocrm_assets.errors import UnexpectedAnswer
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.crm.http.answering import answering
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, running_standin

FIELDS = "/api/v4/leads/custom_fields"


def client_of(url: str) -> AmoCrmClient:
    """A client that retries without waiting."""
    return AmoCrmClient(url, FixedToken("secret"), requests_per_second=1000, sleep=lambda _: None)


def page(name: str, *, has_next: bool, total: int | None = None) -> bytes:
    """The one page that a server gives for every number."""
    body: dict[str, object] = {
        "_links": {"next": {"href": "x"}} if has_next else {"self": {"href": "x"}},
        "_embedded": {name: [{"id": 1}, {"id": 2}]},
    }
    return json.dumps(body | ({} if total is None else {"_total_items": total})).encode()


@pytest.mark.parametrize("total", [None, 3])
def test_custom_fields_whose_pages_repeat_and_name_a_next_one_are_refused(total: int | None) -> None:
    body = page("custom_fields", has_next=True, total=total)
    with (
        answering({FIELDS: (200, body)}) as url,
        client_of(url) as client,
        pytest.raises(UnexpectedAnswer, match="page 2 twice contained only fields of earlier pages"),
    ):
        read_custom_fields(client, "/api/v4/leads/custom_fields")

    assert client.stats.requests == 3


@pytest.mark.parametrize(("has_next", "total"), [(False, None), (False, 2), (True, 2)])
def test_custom_fields_that_say_their_end_or_are_all_that_is_counted_are_whole(
    *, has_next: bool, total: int | None
) -> None:
    body = page("custom_fields", has_next=has_next, total=total)
    with answering({FIELDS: (200, body)}) as url, client_of(url) as client:
        assert [field["id"] for field in read_custom_fields(client, "/api/v4/leads/custom_fields")] == [1, 2]


def test_a_list_that_gives_one_page_again_and_again_is_refused() -> None:
    with (
        answering({"/api/v4/tags": (200, page("tags", has_next=True))}) as url,
        client_of(url) as client,
        pytest.raises(UnexpectedAnswer, match="page 2 is identical to page 1"),
    ):
        list(list_pages(client, "/api/v4/tags", {}))


@pytest.mark.parametrize("count", [0, 3, 70])
def test_fields_that_are_read_while_all_lists_are_empty_are_all_there(count: int) -> None:
    """The outage ends while a list is waited for that always has a record."""
    fields = [{"id": number, "name": f"F{number}"} for number in range(count)]
    for begin in range(1, 5):
        empty_on = tuple(range(begin, begin + 9))
        standin = StandIn(
            StandInAccount([], fields=fields), Semantics(lists_empty_on=empty_on, fields_limit_max=50)
        )
        with (
            running_standin(standin),
            AmoCrmClient(
                standin.url, FixedToken(standin.token), requests_per_second=1000, sleep=lambda _: None
            ) as client,
        ):
            assert read_custom_fields(client, FIELDS) == fields
