"""Tests of `crm.authorisation.account_move`: to whom a refresh token is sent, and what is shown of the answer."""

from __future__ import annotations

import traceback

import pytest
from msgspec.structs import replace

from amocrm_assets.crm.authorisation.account_move import renamed_to
from amocrm_assets.errors import NotAuthorised
from amocrm_assets_tests.crm.authorisation.sources import failed, pair, source
from amocrm_assets_tests.crm.authorisation.tokens import jwt
from amocrm_assets_tests.crm.http.answering import serving, speaking

MOVED = b'{"subdomain": "acme-new", "domain": "acme-new.amocrm.ru"}'
ACCOUNT = "http://127.0.0.1:9"
REFUSED = failed(NotAuthorised)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def asked(api_domain: str | None, url: str = ACCOUNT) -> str | None:
    """What is learned of the account at `url` by a token with that claim."""
    claims = {} if api_domain is None else {"api_domain": api_domain}
    assert isinstance(REFUSED, NotAuthorised)
    return renamed_to(source(url), replace(pair(1), access_token=jwt(**claims)), refused=REFUSED)


def asked_at(url: str) -> str | None:
    """What the account itself says of its move."""
    return asked(url.removeprefix("http://"), url)


@pytest.mark.parametrize(
    ("api_domain", "is_trusted"),
    [
        (None, False),
        ("elsewhere.example", False),
        ("evilamocrm.ru", False),
        ("amocrm.ru.example", False),
        ("api-b.amocrm.ru", True),
        ("api-b.kommo.com", True),
        (ACCOUNT.removeprefix("http://"), True),
    ],
)
def test_a_refresh_token_is_sent_to_amocrm_and_to_who_issued_it_alone(
    api_domain: str | None, monkeypatch: pytest.MonkeyPatch, *, is_trusted: bool
) -> None:
    with serving(MOVED) as (proxy, seen):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        address = asked(api_domain)

    assert address == ("https://acme-new.amocrm.ru" if is_trusted else None)
    sent = [(headers["Host"], headers["X-Refresh-Token"]) for headers in seen]
    assert sent == ([(api_domain, "MARKED-refresh-1")] if is_trusted else [])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, MOVED),
        (200, b'{"subdomain": "ACME", "domain": "acme.amocrm.ru"}'),
        (200, b'{"subdomain": "acme-new", "domain": "acme-new.amocrm.ru/login?x"}'),
        (200, b'{"subdomain": "acme-new", "domain": "`rm`"}'),
    ],
)
def test_an_answer_that_names_no_other_address_is_no_move(status: int, body: bytes) -> None:
    with serving(body, status=status) as (url, _):
        assert asked_at(url) is None


def test_a_refresh_token_does_not_follow_a_redirect() -> None:
    with serving(MOVED) as (other, seen), serving(b"", status=302, headers={"Location": other}) as (url, _):
        assert asked_at(url) is None
    assert seen == []


def test_an_address_that_repeats_the_refresh_token_is_shown_without_it() -> None:
    with serving(b'{"subdomain": "x", "domain": "MARKED-refresh-1.amocrm.ru"}') as (url, _):
        assert asked_at(url) == "https://[secret].amocrm.ru"


@pytest.mark.parametrize(
    "answer",
    [
        b"MARKED-refresh-1 is no status\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b'HTTP/1.1 200 OK\r\n\r\n{"subdomain": "\xff", "domain": "x"}',
        b'HTTP/1.1 200 OK\r\n\r\n{"more": ' + b"[" * 100_000,
    ],
    ids=lambda answer: ascii(answer[:50]),
)
def test_without_an_answer_the_refusal_stays_what_it_was(answer: bytes) -> None:
    with speaking(answer) as url, pytest.raises(NotAuthorised) as caught:
        asked_at(url)
    assert caught.value is REFUSED
    assert "MARKED" not in "".join(traceback.format_exception(caught.value))
