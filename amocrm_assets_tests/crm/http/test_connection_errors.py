"""Each failure of a connection becomes an error that says whether to retry, what to change, and no secret."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
import requests
from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProxyError

from amocrm_assets.crm.http.connection_errors import connection_error, proxy_error
from amocrm_assets.crm.http.error_context import ErrorContext
from amocrm_assets.crm.http.exchange import BodyTooLarge, DeadlineExceeded
from amocrm_assets.errors import AmoCrmAssetsError, AmoCrmUnavailable, SettingsError, UnexpectedAnswer
from amocrm_assets_tests.accounts import source

URL = "https://shop.example"
ANY: Any = None  # for the connections and pools that errors of urllib3 are about


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden@proxy.example:3128")
    return "proxy.example:3128"


def wrapped(reason: Exception) -> requests.ConnectionError:
    """As `requests` wraps what urllib3 wraps."""
    return requests.ConnectionError(MaxRetryError(ANY, "/secret", reason))


RESET = ConnectionResetError(104, "Connection reset by peer")


def unresolved(number: int) -> NameResolutionError:
    """As our connections raise it."""
    error = NameResolutionError("x", ANY, socket.gaierror(number, "/secret"))
    error.__cause__ = socket.gaierror(number, "/secret")
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (wrapped(RESET), "the connection failed (Connection reset by peer)."),
        (RESET, "the connection failed (Connection reset by peer)."),
        (wrapped(unresolved(socket.EAI_NONAME)), "the connection failed (the name could not be resolved)."),
        (wrapped(NewConnectionError(ANY, "/secret")), "the connection failed (not connected)."),
        (requests.ConnectionError(OSError("/secret")), "the connection failed (ConnectionError)."),
        (requests.ConnectionError(5, "/secret"), "the connection failed (ConnectionError)."),
        (requests.ConnectionError("WRONG_VERSION_NUMBER"), "the connection failed (ConnectionError)."),
        (wrapped(ssl.SSLError(1, "the end of file")), "the connection failed (the end of file)."),
        (wrapped(ProxyError("/secret", RESET)), "the connection failed (Connection reset by peer)."),
        (requests.ReadTimeout("/secret"), "no answer in time."),
        (requests.ConnectTimeout("/secret"), "no answer in time."),
        (DeadlineExceeded("it took long"), "no answer in time (it took long)."),
    ],
)
def test_what_may_pass_is_told_with_its_reason_and_without_the_address(error: OSError, cause: str) -> None:
    found = connection_error(error, URL)

    assert isinstance(found, AmoCrmUnavailable)
    assert found.cause == cause
    assert found.facts.get("timed_out") == (True if isinstance(error, requests.Timeout) else None)
    assert str(found).startswith(f"Connecting to {URL}: ")


def test_errors_that_wrap_each_other_in_a_circle_are_told_as_well() -> None:
    inner, outer = OSError("inner"), requests.ConnectionError("outer")
    inner.__cause__, outer.args, outer.__cause__ = outer, (inner,), RESET

    assert connection_error(outer, URL).cause == "the connection failed (Connection reset by peer)."


def test_a_body_that_is_too_large_is_not_asked_for_again() -> None:
    found = connection_error(BodyTooLarge("the response has more than 64 MB"), URL)

    assert isinstance(found, UnexpectedAnswer)
    assert found.cause == "the response has more than 64 MB."


@pytest.mark.parametrize(
    ("context", "facts"), [(ErrorContext(source()), {"source": "sandbox"}), (ErrorContext(), {})]
)
def test_the_source_is_a_fact_if_there_is_one(context: ErrorContext, facts: dict[str, str]) -> None:
    found = connection_error(BodyTooLarge("big"), URL, operation="Asking", context=context)

    assert {name: value for name, value in found.facts.items() if name == "source"} == facts
    assert str(found).startswith("Asking: ")


@pytest.mark.parametrize(
    ("variable", "trusted"),
    [
        (None, "the usual authorities are trusted."),
        ("SSL_CERT_FILE", "the certificates in SSL_CERT_FILE are trusted."),
    ],
)
def test_a_refused_certificate_says_which_ones_are_trusted(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, trusted: str
) -> None:
    if variable:
        monkeypatch.setenv(variable, "/certificates.pem")
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_message = "self-signed certificate"
    found = connection_error(wrapped(refused), URL)

    assert isinstance(found, SettingsError)
    assert found.cause == f"its certificate is not accepted (self-signed certificate); {trusted}"
    assert found.facts.get("variable") == variable


def test_a_port_without_tls_is_the_sources_or_the_proxys(monkeypatch: pytest.MonkeyPatch) -> None:
    error = wrapped(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"))
    direct = connection_error(error, URL)
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.example:3128")
    proxied = connection_error(error, URL)

    assert {type(direct), type(proxied)} == {SettingsError}
    assert direct.cause == "the other side does not speak TLS at this port."
    assert "base_url" in direct.fix
    assert proxied.cause == "proxy.example:3128, the proxy, does not speak TLS at this port."
    assert "HTTPS_PROXY" in proxied.fix


@pytest.mark.parametrize(
    ("status", "kind", "cause"),
    [
        (403, SettingsError, "does not let us through (403)."),
        (407, SettingsError, "wants a user and a password (407)."),
        (408, AmoCrmUnavailable, "answered 408: it cannot reach the account's address now."),
        (499, SettingsError, "does not let us through (499)."),
        (500, AmoCrmUnavailable, "answered 500: it cannot reach the account's address now."),
        (503, AmoCrmUnavailable, "answered 503: it cannot reach the account's address now."),
    ],
)
def test_a_proxy_that_refuses_is_named_with_its_status(
    proxy: str, status: int, kind: type[AmoCrmAssetsError], cause: str
) -> None:
    refused = wrapped(ProxyError("/secret", OSError(f"Tunnel connection failed: {status} Something")))
    for found in (proxy_error("Asking", URL, status=status), connection_error(refused, URL)):
        assert isinstance(found, kind)
        assert found.cause == f"the proxy {proxy} {cause}"
        assert found.facts["status"] == status
        assert "HTTPS_PROXY" in found.fix


def test_a_proxy_that_nobody_named_is_somewhere_in_between() -> None:
    assert proxy_error("Asking", URL, status=407).cause.startswith("the proxy in between wants")


@pytest.mark.parametrize(
    ("error", "proxied", "causes"),
    [
        (InvalidURL("/secret"), False, "that is no address."),
        (InvalidSchema("/secret"), False, "that is no address."),
        (InvalidURL("/secret"), True, "that is no address."),
        (
            InvalidProxyURL("/secret"),
            True,
            "the proxy that the environment variable HTTPS_PROXY names cannot be used.",
        ),
        (
            InvalidSchema("/secret"),
            True,
            "the proxy that the environment variable HTTPS_PROXY names cannot be used.",
        ),
    ],
)
def test_an_address_that_is_none_is_the_sources_or_the_proxys(
    request: pytest.FixtureRequest, error: OSError, causes: str, *, proxied: bool
) -> None:
    if proxied:
        request.getfixturevalue("proxy")
    found = connection_error(error, URL)

    assert isinstance(found, SettingsError)
    assert found.cause == causes


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (unresolved(socket.EAI_NONAME), SettingsError, "there is no such name"),
        (unresolved(socket.EAI_AGAIN), AmoCrmUnavailable, "the name could not be resolved"),
        (RESET, AmoCrmUnavailable, "Connection reset by peer"),
        (OSError(socket.EAI_NONAME, "another error"), AmoCrmUnavailable, "another error"),
    ],
)
def test_a_proxy_that_cannot_be_reached_is_a_setting_only_if_its_name_is_unknown(
    proxy: str, error: Exception, kind: type[AmoCrmAssetsError], reason: str
) -> None:
    found = connection_error(wrapped(ProxyError("/secret", error)), URL)

    assert type(found) is kind
    assert found.cause == f"the proxy {proxy} cannot be reached ({reason})."


@pytest.mark.usefixtures("proxy")
def test_a_connection_that_fails_behind_a_proxy_is_not_the_proxys_fault() -> None:
    assert connection_error(wrapped(RESET), URL).cause == "the connection failed (Connection reset by peer)."
