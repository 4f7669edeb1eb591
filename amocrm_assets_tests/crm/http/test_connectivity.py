"""An address is resolved and connected to before any token is sent to it."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http import connectivity
from amocrm_assets.crm.http.connectivity import probe_connection, require_private, resolve_host
from amocrm_assets.crm.http.error_context import ErrorContext
from amocrm_assets.crm.http.exchange import DeadlineExceeded
from amocrm_assets.crm.http.redaction import remember
from amocrm_assets.errors import AmoCrmUnavailable, SettingsError
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT = ErrorContext(source())
SECRET = "MARKED-SECRET-OF-THIS-TEST"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def serving_head(status: int | None) -> Iterator[str]:
    """The address of a server that answers `HEAD` so, redirecting to where nobody is; None: with a broken line."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if status is None:
                self.wfile.write(f"BROKEN {SECRET}\r\n\r\n".encode())
                return
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the system's resolver is asked for; it knows two addresses of each host."""
    requested: list[tuple[str, int]] = []

    def resolve(host: str, port: int, *_: Any) -> list[Any]:
        requested.append((host, port))
        if host.startswith("nowhere"):
            raise socket.gaierror(*(["unknown"] if "textless" in host else [-2, "unknown"]))
        return [(2, 1, 6, "", (address, port)) for address in ("192.0.2.1", "192.0.2.2")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return requested


@pytest.mark.parametrize(
    ("url", "requested"),
    [("https://shop.example/x", ("shop.example", 443)), ("https://shop.example:8443", ("shop.example", 8443))],
)
def test_the_first_address_of_a_host_is_told(
    resolver: list[tuple[str, int]], url: str, requested: tuple[str, int]
) -> None:
    assert resolve_host(url) == "192.0.2.1"
    assert resolver == [requested]


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize("host", ["nowhere.example", "nowhere.textless.example"])
def test_a_name_that_does_not_exist_is_a_setting_of_the_source(host: str) -> None:
    with pytest.raises(SettingsError, match=f"Resolving {host}: there is no such name \\(unknown\\)") as stop:
        resolve_host(f"https://{host}", context=CONTEXT)

    assert stop.value.facts["source"] == "sandbox"


def test_name_servers_that_do_not_answer_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object) -> None:
        raise DeadlineExceeded

    monkeypatch.setattr(connectivity, "resolve_once", resolve)
    with pytest.raises(AmoCrmUnavailable, match="name servers of this machine did not answer") as stop:
        resolve_host("https://shop.example", context=CONTEXT)

    assert stop.value.facts["source"] == "sandbox"


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_any_answer_shows_that_the_address_is_reached_and_no_redirect_is_followed(status: int) -> None:
    with serving_head(status) as url:
        assert probe_connection(url) == f"answers {status}"


def test_a_proxy_that_answers_instead_is_a_setting() -> None:
    with serving_head(407) as url, pytest.raises(SettingsError, match=r"wants a user and a password \(407\)"):
        probe_connection(url)


def test_a_secret_in_a_broken_answer_is_not_shown() -> None:
    remember(SECRET)
    with serving_head(None) as url, pytest.raises(AmoCrmUnavailable) as stop:
        probe_connection(url)

    cause: BaseException | None = stop.value
    while cause is not None:
        assert SECRET not in repr(cause)
        cause = cause.__cause__ or cause.__context__


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "https://shop.example"])
def test_an_address_at_which_tokens_are_private_is_returned(url: str) -> None:
    assert require_private(url) == url


def test_an_address_without_tls_is_refused() -> None:
    with pytest.raises(SettingsError, match="without TLS the token can be read") as stop:
        require_private("http://shop.example", context=CONTEXT)

    assert stop.value.facts["source"] == "sandbox"
