"""Certificates, proxies and sizes: what a person has to set right is said at once, with what to change."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.account import read_account, read_custom_fields
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.responses import MAX_JSON_VALUES
from amocrm_assets.crm.http.transport import BodyTooLarge, request_once
from amocrm_assets.errors import AmoCrmUnavailable, SettingsError, UnexpectedAnswer
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.crm.http.answering import answering, serving
from amocrm_assets_tests.crm.http.proxy import running_proxy
from amocrm_assets_tests.crm.http.stalling import gzip_bomb

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = b'{"id": 1, "name": "x", "subdomain": "x"}'
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a certificate for 127.0.0.1 that nobody has signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "pem", folder / "key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run([*command, *options], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + key.read_bytes())
    return pem


def account_at(url: str) -> AmoCrmClient:
    """A client that retries without waiting."""
    return AmoCrmClient(url, FixedToken("secret"), requests_per_second=1000, sleep=lambda _: None)


def test_a_certificate_that_is_refused_needs_a_person_at_once(certificate: Path) -> None:
    with (
        serving(ACCOUNT, tls=certificate) as (url, _),
        account_at(url) as client,
        pytest.raises(SettingsError, match=r"certificate is not accepted \(.*self.signed.*REQUESTS_CA_BUNDLE"),
    ):
        read_account(client)

    assert client.stats.requests == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_that_the_environment_names_are_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    with serving(ACCOUNT, tls=certificate) as (url, _), account_at(url) as client:
        assert read_account(client).id == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_are_not_there_are_a_setting_to_correct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))

    with pytest.raises(SettingsError, match=rf"variable {variable}: {path}") as stop:
        AmoCrmClient("https://x.amocrm.ru", FixedToken("x"))
    with pytest.raises(SettingsError):
        request_once("GET", "https://x.amocrm.ru")
    assert stop.value.facts["variable"] == variable


def test_http_behind_an_https_address_is_said_so() -> None:
    with (
        serving(ACCOUNT) as (url, _),
        account_at(url.replace("http", "https")) as client,
        pytest.raises(SettingsError, match=r"does not speak TLS.*base_url"),
    ):
        read_account(client)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://shop.example"])
def test_a_proxy_that_wants_a_password_needs_a_person(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    variable = f"{url.partition(':')[0]}_proxy".upper()
    with serving(b"", status=407) as (proxy, _):
        monkeypatch.setenv(variable, proxy.replace("//", "//user:hidden@"))
        with (
            account_at(url) as client,
            pytest.raises(SettingsError, match=rf"wants a user and a password \(407\).*{variable}") as stop,
        ):
            read_account(client)

    assert client.stats.requests == 1
    assert "hidden" not in str(stop.value) + repr(stop.value.facts)


@pytest.mark.parametrize("host", ["x" * 70 + ".example", "a..example"])
def test_a_name_that_none_can_be_is_no_traceback(host: str) -> None:
    with account_at(f"https://{host}") as client, pytest.raises((AmoCrmUnavailable, SettingsError)):
        read_account(client)


def test_a_proxy_that_forbids_the_address_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"", status=403) as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with (
            account_at("https://shop.example") as client,
            pytest.raises(SettingsError, match=r"does not let us through \(403\).*shop\.example.*HTTPS_PROXY"),
        ):
            read_account(client)


def test_a_proxy_that_is_down_may_come_back_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden@{closed}")
    with (
        account_at("https://shop.example") as client,
        pytest.raises(AmoCrmUnavailable, match=rf"the proxy {closed} cannot be reached.*HTTPS_PROXY") as stop,
    ):
        read_account(client)

    assert "hidden" not in str(stop.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://"])
def test_a_proxy_that_cannot_be_used_is_a_setting_to_correct(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with account_at("https://shop.example") as client, pytest.raises(SettingsError, match="HTTPS_PROXY"):
        read_account(client)


@pytest.mark.parametrize(("tls", "begins"), [(False, "GET"), (True, "CONNECT")])
def test_the_rate_limit_counts_requests_through_a_proxy_when_they_leave(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, begins: str, *, tls: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        running_proxy() as (proxy, begun),
        serving(ACCOUNT, tls=certificate if tls else None, seconds=0.3) as (url, _),
    ):
        monkeypatch.setenv("HTTPS_PROXY" if tls else "HTTP_PROXY", proxy)
        with account_at(url) as client:
            permits = [client.rate_limiter.acquire() for _ in range(3)]
            for permit in permits:
                client.request("/api/v4/account", {}, lambda response: response, permit=permit)

    # Counted only when the answer came, each would take its place for longer by what the answer took.
    assert [permit.answer_seconds is not None and permit.answer_seconds >= 0.29 for permit in permits] == [
        True
    ] * 3
    assert set(begun) == {begins}


def test_a_netrc_reaches_no_request(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    with serving(ACCOUNT) as (url, seen):
        request_once("POST", url, json={})
        with account_at(url) as client:
            read_account(client)

    assert [headers.get("Authorization") for headers in seen] == [None, "Bearer secret"]


def test_an_answer_that_unpacks_to_more_than_any_page_stops_the_reading() -> None:
    with (
        serving(gzip_bomb(80 << 20), headers={"Content-Encoding": "gzip"}) as (url, _),
        account_at(url) as client,
        pytest.raises(UnexpectedAnswer, match="more than 64 MB"),
    ):
        read_account(client)

    assert client.stats.requests == 1


def test_a_single_exchange_unpacks_no_more_than_a_token_has() -> None:
    with (
        serving(gzip_bomb(8 << 20), headers={"Content-Encoding": "gzip"}) as (url, _),
        pytest.raises(BodyTooLarge),
    ):
        request_once("POST", url)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[" + b"1," * MAX_JSON_VALUES + b"1]", "values"),
    ],
    ids=["lists", "objects", "values"],
)
def test_json_that_would_take_down_the_process_is_refused_once(body: bytes, expected: str) -> None:
    with (
        answering({"/api/v4/account": (200, body)}) as url,
        account_at(url) as client,
        pytest.raises(UnexpectedAnswer, match=expected),
    ):
        read_account(client)

    assert client.stats.requests == 1


def test_custom_fields_without_end_are_refused() -> None:
    fields = b",".join(b'{"id": %d}' % number for number in range(20_001))
    page = b'{"_links": {"next": {"href": "x"}}, "_embedded": {"custom_fields": [' + fields + b"]}}"
    with (
        answering({"/api/v4/leads/custom_fields": (200, page)}) as url,
        account_at(url) as client,
        pytest.raises(UnexpectedAnswer, match="more than 20,000"),
    ):
        read_custom_fields(client, "/api/v4/leads/custom_fields")

    assert client.stats.requests == 1
