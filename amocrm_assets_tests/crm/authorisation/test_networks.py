"""The token endpoint on bad networks: bounds, proxies, certificates, `~/.netrc`, and addresses without TLS."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from amocrm_assets.crm.authorisation.oauth import OAuth
from amocrm_assets.crm.authorisation.token_endpoint import NotReceived, ResponseLost, TokenEndpoint
from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.crm.http import transport
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.connectivity import probe_connection
from amocrm_assets.errors import AmoCrmAssetsError, SettingsError
from amocrm_assets.settings import Deployment, OAuthSettings, SourceSettings
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.crm.authorisation.sources import ENVIRONMENT, OAUTH, pair, source
from amocrm_assets_tests.crm.http.stalling import stalling
from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets_tests.crm.http.stalling import Stall


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str | None]]]:
    """The address of a server that answers 407 to everything, and the credentials that it got."""
    seen: list[str | None] = []

    class Refusing(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(407)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_HEAD = do_CONNECT = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}", seen


@pytest.mark.parametrize("stall", ["silent", "headers", "body", "endless-body"])
def test_a_stalling_token_endpoint_ends_in_time_and_frees_the_lock(
    stall: Stall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = transport.request_once.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "deadline_seconds", 0.5)
    store = TokenStore.of(source(), Deployment(tokens=str(tmp_path / "tokens")))
    store.replace(pair(1))
    with stalling(stall) as server:
        authorisation = OAuth(source(), OAUTH, store=store, endpoint=TokenEndpoint(source(server.url), OAUTH))
        started = time.monotonic()
        with pytest.raises(ResponseLost, match="may have made new tokens that never arrived"):
            authorisation.renew("MARKED-access-1")
        # The limit is for a busy machine: what has no deadline goes on for ever.
        assert time.monotonic() - started < 30
    with store.lock():
        kept = store.read()
    assert kept is not None
    assert kept.tokens.refreshing_since is not None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_needs_a_person_at_once(
    scheme: str, proxy: tuple[str, list[str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", proxy[0])
    url = f"{scheme}://127.0.0.2:1"
    for ask in (
        lambda: probe_connection(url),
        lambda: TokenEndpoint(source(url), OAUTH).refresh("MARKED-refresh-1"),
    ):
        with pytest.raises(SettingsError, match=f"password \\(407\\).*{scheme}_proxy"):
            ask()
    assert len(proxy[1]) == 2


def test_a_netrc_reaches_neither_the_token_endpoint_nor_the_data(
    proxy: tuple[str, list[str | None]], tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login stranger password hidden\n")
    for ask in (
        lambda: probe_connection(proxy[0]),
        lambda: TokenEndpoint(source(proxy[0]), OAUTH).refresh("MARKED-refresh-1"),
        lambda: AmoCrmClient(proxy[0], FixedToken("mine")).get("/api/v4/account"),
    ):
        with pytest.raises(AmoCrmAssetsError):
            ask()
    assert proxy[1] == [None, None, "Bearer mine"]


@pytest.fixture
def broken_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a proxy that closes the connection after a request, and the first lines of what it got."""
    requests: list[bytes] = []

    class Breaking(StreamRequestHandler):
        def handle(self) -> None:
            requests.append(self.rfile.readline())
            while self.rfile.readline() not in (b"", b"\r\n"):
                pass

    with ThreadingTCPServer(("127.0.0.1", 0), Breaking) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_address[1]}", requests


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "https://shop.example"])
def test_a_refresh_token_that_a_proxy_may_have_passed_on_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, broken_proxy: tuple[str, list[bytes]], base_url: str
) -> None:
    address, requests = broken_proxy
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, address)
    with pytest.raises(ResponseLost):
        TokenEndpoint(source(base_url), OAUTH, sleep=lambda _: None).refresh("MARKED-refresh-1")
    assert len(requests) == 1


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "https://shop.example"])
def test_behind_a_proxy_that_is_not_there_nothing_was_sent(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(NotReceived):
        TokenEndpoint(source(base_url), OAUTH, sleep=lambda _: None).refresh("MARKED-refresh-1")


@pytest.mark.parametrize("host", ["acme.amocrm.ru", "10.0.0.1", "localhost.evil.example", "127.evil.example"])
def test_nothing_is_sent_without_tls_to_another_machine(host: str) -> None:
    with pytest.raises(ValidationError, match=r"would send the token unencrypted; write https://"):
        source(f"http://{host}")
    with pytest.raises(ValidationError, match="would send the authorisation code unencrypted"):
        OAuthSettings(client_id_env="A", client_secret_env="B", redirect_uri=f"http://{host}/callback")
    with pytest.raises(SettingsError, match="Write https:// in `base_url`"):
        AmoCrmClient(f"http://{host}", FixedToken("token"))
    unchecked = source().model_copy(update={"base_url": f"http://{host}"})
    with pytest.raises(SettingsError, match="the token can be read"):
        TokenEndpoint(unchecked, OAUTH).refresh("MARKED-refresh-1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "localhost", "LOCALHOST"])
def test_this_machine_may_be_asked_without_tls(host: str) -> None:
    assert source(f"http://{host}:8900").url == f"http://{host}:8900"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"subdomain": "a" * 64}, "up to 63 characters"),
        ({"display_name": "x" * 1001}, "one line"),
        ({"display_name": "x\ny"}, "one line"),
        ({"leads_custom_fields": ["x" * 1001]}, "over 1000 characters"),
        ({"leads_custom_fields": list(range(10_001))}, "the maximum is 10000"),
    ],
)
def test_settings_have_bounds(wrong: dict[str, object], message: str) -> None:
    right: dict[str, object] = {"subdomain": "a" * 63, "access_token_env": "A", "start_date": "2026-01-01"}
    SourceSettings.model_validate(right)
    with pytest.raises(ValidationError, match=message):
        SourceSettings.model_validate(right | wrong)
