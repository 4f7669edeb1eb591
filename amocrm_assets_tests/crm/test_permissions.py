"""`crm.permissions`, and what `check` says of lists, on answers that the sandbox never gives."""

from __future__ import annotations

import pytest

from amocrm_assets import entities
from amocrm_assets.checking_entities import filters_honoured, only_deleted_honoured
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.permissions import Permissions, read_permissions
from amocrm_assets.errors import AccessDenied, UnexpectedAnswer
from amocrm_assets_tests.accounts import FixedToken, sandbox_with
from amocrm_assets_tests.crm.http.answering import answering

LEADS = (200, b'{"_embedded":{"leads":[]}}')


def client_of(url: str) -> AmoCrmClient:
    return AmoCrmClient(url, FixedToken("t"), requests_per_second=50)


@pytest.mark.parametrize("status", [403, 404])
def test_a_user_whom_amocrm_does_not_show_leaves_the_rights_unknown(status: int) -> None:
    with answering({"/api/v4/leads": LEADS, "/api/v4/users/7": (status, b"{}")}) as url, client_of(url) as client:
        assert read_permissions(entities.LEADS, client, 7) == Permissions(None, None)


@pytest.mark.parametrize(
    ("user", "permissions"),
    [
        (b'{"name":"U","rights":{"is_admin":true,"leads":{"view":"D"}}}', Permissions("U", sees_all=True)),
        (b'{"name":"U","rights":{"is_admin":false,"leads":{"view":"A"}}}', Permissions("U", sees_all=True)),
        (b'{"name":"U","rights":{"is_admin":false,"leads":{"view":"M"}}}', Permissions("U", sees_all=False)),
        (b'{"name":"U","rights":{"is_admin":false,"leads":{}}}', Permissions("U", sees_all=None)),
        (b'{"name":"U","rights":{"leads":null}}', Permissions("U", sees_all=None)),
        (b'{"name":"U","rights":{"contacts":{"view":"A"}}}', Permissions("U", sees_all=None)),
        (b'{"name":"U","rights":null}', Permissions("U", sees_all=None)),
        (b"", Permissions(None, None)),
    ],
)
def test_only_an_administrator_or_a_user_who_may_view_all_sees_all_records(
    user: bytes, permissions: Permissions
) -> None:
    with answering({"/api/v4/leads": LEADS, "/api/v4/users/7": (200, user)}) as url, client_of(url) as client:
        assert read_permissions(entities.LEADS, client, 7) == permissions


def test_access_to_a_list_is_tried_with_one_record() -> None:
    with sandbox_with() as sandbox, AmoCrmClient(sandbox.url, FixedToken(sandbox.token)) as client:
        read_permissions(entities.LEADS, client, None)

    assert [request.query for request in sandbox.requests] == ["limit=1"]


def test_without_a_user_the_lists_are_tried_and_the_rights_are_unknown() -> None:
    with answering({"/api/v4/leads": LEADS}) as url, client_of(url) as client:
        assert read_permissions(entities.LEADS, client, None) == Permissions(None, None)

    assert client.stats.requests == 1


@pytest.mark.parametrize("refused", ["leads", "contacts", "companies"])
def test_every_list_of_an_entity_is_tried(refused: str) -> None:
    lists = [each.path for each in entities.CALLS.lists(with_deleted=False)]
    responses = {path: (403 if f"/{refused}/" in path else 200, b'{"title":"Forbidden"}') for path in lists}
    with answering(responses) as url, client_of(url) as client, pytest.raises(AccessDenied) as raised:
        read_permissions(entities.CALLS, client, 7)
    assert f"/api/v4/{refused}/notes" in str(raised.value)


def test_any_other_refusal_of_the_user_stays_an_error() -> None:
    responses = {"/api/v4/leads": LEADS, "/api/v4/users/7": (418, b"{}")}
    with answering(responses) as url, client_of(url) as client, pytest.raises(UnexpectedAnswer):
        read_permissions(entities.LEADS, client, 7)


def test_an_empty_list_that_comes_with_200_honours_filters() -> None:
    with answering({"/api/v4/leads": LEADS}) as url, client_of(url) as client:
        assert filters_honoured(entities.LEADS, client)


@pytest.mark.parametrize(
    ("leads", "is_honoured"),
    [
        (b"", True),
        (b'{"id":1,"is_deleted":true}', True),
        (b'{"id":1,"is_deleted":true},{"id":2,"is_deleted":false}', False),
        (b'{"id":2}', False),
    ],
)
def test_live_leads_among_the_deleted_ones_show_that_an_account_ignores_only_deleted(
    leads: bytes, *, is_honoured: bool
) -> None:
    response = (200, b'{"_embedded":{"leads":[' + leads + b"]}}")
    with answering({"/api/v4/leads": response}) as url, client_of(url) as client:
        assert only_deleted_honoured(entities.LEADS, client) is is_honoured
