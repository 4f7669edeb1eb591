"""Tests of `crm.authorisation.token_endpoint` and `refusals` against the sandbox and its faults."""

from __future__ import annotations

import random
import socket
import traceback
from typing import TYPE_CHECKING

import pytest
import requests

from amocrm_assets.crm.authorisation import token_endpoint
from amocrm_assets.crm.authorisation.token_endpoint import NotReceived, ResponseLost, TokenEndpoint
from amocrm_assets.crm.authorisation.token_errors import refusal
from amocrm_assets.errors import (
    AccountBlocked,
    AccountUnpaid,
    AmoCrmAssetsError,
    NotAuthorised,
    UnexpectedAnswer,
)
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.crm.authorisation.sources import OAUTH, source
from amocrm_assets_tests.crm.http.answering import answering, speaking

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind

TOKENS = "/oauth2/access_token"
# What goes wrong, how many requests are sent, what is raised.
FAULTS: list[tuple[FaultKind, int, type[AmoCrmAssetsError]]] = [
    ("429-html", 4, NotReceived),
    ("429-json", 4, NotReceived),
    ("500", 1, ResponseLost),
    ("502", 1, ResponseLost),
    ("503", 1, ResponseLost),
    ("504", 1, ResponseLost),
    ("reset", 1, ResponseLost),
    ("lost", 1, ResponseLost),
    ("reset-midway", 1, ResponseLost),
    ("hang", 1, ResponseLost),
    ("cut", 1, ResponseLost),
    ("cut-short", 1, ResponseLost),
    ("cut-gzip", 1, ResponseLost),
    ("empty-200", 1, ResponseLost),
    ("html-200", 1, ResponseLost),
    ("204", 1, ResponseLost),
    ("401", 1, NotAuthorised),
    ("402", 1, AccountUnpaid),
    ("403-html", 1, AccountBlocked),
    ("403-json", 1, AccountBlocked),
    ("redirect", 1, NotAuthorised),
]


def endpoint(url: str) -> TokenEndpoint:
    return TokenEndpoint(source(url), OAUTH, sleep=lambda _: None)


def reply(status: int, hint: str = "", body: bytes | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = f'{{"hint": "{hint}"}}'.encode() if body is None else body  # noqa: SLF001
    return response


def test_a_code_gives_a_pair_and_a_refresh_token_the_next_one(sandbox: Sandbox) -> None:
    first = endpoint(sandbox.url).request_once(sandbox.tokens.code())
    second = endpoint(sandbox.url).refresh(first.refresh_token)
    assert sandbox.tokens.accepts(second.access_token)
    assert (second.expires_in, second.refresh_token != first.refresh_token) == (86400, True)


@pytest.mark.parametrize(("fault", "requests_sent", "kind"), FAULTS)
def test_a_request_that_may_have_arrived_is_sent_once(
    sandbox: Sandbox,
    fault: FaultKind,
    requests_sent: int,
    kind: type[AmoCrmAssetsError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if fault == "hang":
        monkeypatch.setattr(token_endpoint, "TIMEOUT_SECONDS", (60, 2))
    first = endpoint(sandbox.url).request_once(sandbox.tokens.code())
    sandbox.requests.clear()
    sandbox.configure(faults=(Fault(fault, path=TOKENS, seconds=60),))
    with pytest.raises(kind) as caught:
        endpoint(sandbox.url).refresh(first.refresh_token)
    assert len(sandbox.requests) == requests_sent
    assert type(caught.value) is kind
    shown = "".join(traceback.format_exception(caught.value))
    assert first.refresh_token not in shown
    assert "MARKED" not in shown


def test_a_short_refusal_for_pace_is_waited_for(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("429-html", path=TOKENS, times=2),))
    assert endpoint(sandbox.url).request_once(sandbox.tokens.code()).access_token
    assert [each.status for each in sandbox.requests] == [429, 429, 200]


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-account.invalid"])
def test_a_request_that_never_left_is_sent_again(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", max)  # the longest wait of each range
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        waits: list[float] = []
        with pytest.raises(NotReceived, match="amocrm-assets check acme"):
            TokenEndpoint(source(f"https://{host}:{port}"), OAUTH, sleep=waits.append).refresh("MARKED")
    assert waits == [1, 2, 4]


def test_a_lost_answer_says_how_to_go_on(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("lost", path=TOKENS),))
    with pytest.raises(ResponseLost, match=r"Run again; if it then refuses.*amocrm-assets connect acme"):
        endpoint(sandbox.url).request_once(sandbox.tokens.code())


@pytest.mark.parametrize(
    "body",
    [
        b"{token} {secret} is no JSON",
        b'{"access_token": 7, "refresh_token": "{token}", "expires_in": 86400}',
        b'{"access_token": "{token} {secret}", "refresh_token": "new", "expires_in": 86400}',
        b'{"access_token": "new", "refresh_token": "{token}", "expires_in": "{secret}"}',
        b'{"access_token": "{token}\\n", "refresh_token": "new", "expires_in": 86400}',
        b'{"access_token": "new", "refresh_token": "{token}\\n", "expires_in": 86400}',
        b'{"access_token": "{token}", "more": ' + b"[" * 100_000,
        b'["{token}", "{secret}"]',
        b"\xff{token}\x00{secret}",
    ],
    ids=lambda body: ascii(body[:60]),
)
def test_an_answer_of_200_that_is_no_pair_and_repeats_what_was_sent_keeps_it_out_of_everything_said(
    body: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token, client_secret = "MARKED-token", "MARKED-secret"
    monkeypatch.setenv("ACME_SECRET", client_secret)
    sent = body.replace(b"{token}", token.encode()).replace(b"{secret}", client_secret.encode())
    caplog.set_level("DEBUG")
    with answering({TOKENS: (200, sent)}) as url, pytest.raises(ResponseLost, match="not a pair") as caught:
        endpoint(url).refresh(token)
    shown = "".join(traceback.format_exception(caught.value))
    assert "MARKED" not in f"{shown} {caught.value!r} {caught.value.facts} {caplog.text}"


@pytest.mark.parametrize("sent", ["MARKED-token", "MARKED-client-secret"])
def test_what_was_sent_and_comes_back_as_no_response_at_all_is_not_shown(sent: str) -> None:
    token = "MARKED-token"
    for ask in (TokenEndpoint.request_once, TokenEndpoint.refresh):
        with speaking(f"{sent}, no status\r\n\r\n".encode()) as url, pytest.raises(ResponseLost) as caught:
            ask(endpoint(url), token)
        shown = "".join(traceback.format_exception(caught.value))
        assert ("MARKED" in shown, "[secret]" in shown) == (False, True)


def test_an_endpoint_shows_where_it_is_and_nothing_else() -> None:
    assert "sleep" not in repr(endpoint("http://127.0.0.1:9"))


def test_a_lifetime_in_quotation_marks_spends_no_code() -> None:
    body = b'{"access_token": "a", "refresh_token": "r", "expires_in": "86400"}'
    with answering({TOKENS: (200, body)}) as url:
        assert endpoint(url).request_once("code").expires_in == 86400
    with answering({TOKENS: (300, body)}) as url, pytest.raises(UnexpectedAnswer, match="does not document this"):
        endpoint(url).request_once("code")


def test_secrets_do_not_follow_a_redirect(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("redirect", path=TOKENS),))
    with pytest.raises(NotAuthorised, match="another address, to which secrets are not sent"):
        endpoint(sandbox.url).request_once("MARKED")
    assert len(sandbox.requests) == 1


def test_a_variable_that_is_not_set_is_named_and_nothing_is_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_SECRET")
    with pytest.raises(NotAuthorised, match="Set ACME_SECRET"):
        endpoint(sandbox.url).request_once("MARKED")
    assert not sandbox.requests


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize(
    ("grant_type", "hint", "message"),
    [
        ("authorization_code", "Authorization code has expired", "older than 20 minutes"),
        ("authorization_code", "Authorization code has been revoked", "code has been used already"),
        ("authorization_code", "Cannot decrypt the authorization code", "no code of this integration"),
        ("authorization_code", "Authorization code was not issued to this client", "to another integration"),
        ("refresh_token", "Token has been revoked", "refresh token has been used already"),
        ("refresh_token", "Refresh token has expired", "refresh token has expired"),
        ("refresh_token", "Cannot decrypt the Refresh token", "refresh token is not valid"),
        ("refresh_token", "Token is not linked to client", "to another integration"),
        ("refresh_token", "Invalid redirect URI", "redirect address is not the integration's"),
        ("authorization_code", "Client authentication failed", "ACME_ID and ACME_SECRET"),
        ("authorization_code", "", "does not know this integration id"),
    ],
)
def test_each_refusal_has_its_own_message(status: int, grant_type: str, hint: str, message: str) -> None:
    error = refusal(reply(status, hint), source=source(), oauth=OAUTH, grant_type=grant_type)
    assert isinstance(error, NotAuthorised)
    assert message in str(error)
    assert (error.facts["status"], error.facts["source"]) == (status, "acme")


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"hint": 1}', b"\xff", b"[]", b"", b'{"more":' + b"[" * 100_000], ids=len
)
def test_a_refusal_without_a_hint_is_understood_by_its_status(body: bytes) -> None:
    error = refusal(reply(400, body=body), source=source(), oauth=OAUTH, grant_type="refresh_token")
    assert "does not know this integration id" in str(error)
