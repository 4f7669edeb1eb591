"""Certificates and proxies that are refused need a person at once, whichever command meets them first."""

from __future__ import annotations

import socketserver
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.cli.conftest import OPTIONS
from amocrm_assets_tests.serving import served_beside
from amocrm_assets_tests.settings.loading import load_sources
from amocrm_assets_tests.tls import Authority, tls_in_front_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command, Ran
    from amocrm_assets_tests.tls import TlsFront

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
OAUTH = {"client_id_env": "ACME_ID", "client_secret_env": "ACME_SECRET", "redirect_uri": OPTIONS.redirect_uri}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ACME_ID", OPTIONS.client_id)
    monkeypatch.setenv("ACME_SECRET", OPTIONS.client_secret)


class Site:
    """The sandbox behind TLS, and the commands that ask it."""

    def __init__(
        self, sandbox: Sandbox, front: TlsFront, run: Command, add_source: AddSource, ca_file: Path
    ) -> None:
        self.sandbox = sandbox
        self.front = front
        self.ca_file = ca_file
        self._run = run
        self._add_source = add_source

    def connect(self) -> Ran:
        """A person's consent becomes tokens."""
        self._add_source(base_url=self.front.url, oauth=OAUTH)
        return self._run("connect", "acme", "--code", stdin=self.sandbox.tokens.code())

    def refresh(self) -> Ran:
        """A run whose access token has ended, so that a new one is the first thing that it asks for."""
        with pytest.MonkeyPatch.context() as trusting:
            trusting.setenv("REQUESTS_CA_BUNDLE", str(self.ca_file))
            trusting.setenv("NO_PROXY", "127.0.0.1")
            assert self.connect().status == 0
        (source,) = load_sources()
        store = TokenStore.of(source, Deployment.from_environment())
        kept = store.read()
        assert kept is not None
        store.replace(replace(kept.tokens, expires_at=int(time.time()) - 1))
        self.front.handshakes.clear()
        return self._run("run", "acme")

    def check(self) -> Ran:
        """Every step once."""
        self._add_source(base_url=self.front.url, access_token_env="ACME_TOKEN")
        return self._run("check", "acme")

    def run(self) -> Ran:
        """A day with a long-lived token."""
        self._add_source(base_url=self.front.url, access_token_env="ACME_TOKEN")
        return self._run("run", "acme")


COMMANDS: dict[str, Callable[[Site], Ran]] = {
    "connect": Site.connect,
    "refresh": Site.refresh,
    "check": Site.check,
    "run": Site.run,
}


@pytest.fixture
def site(
    request: pytest.FixtureRequest, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The site, with a good certificate unless the test names another."""
    sandbox, run, add_source = map(request.getfixturevalue, ("sandbox", "run", "add_source"))
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    context = authority.context(getattr(request, "param", "good"))
    with tls_in_front_of(sandbox.url, context) as front:
        yield Site(sandbox, front, run, add_source, authority.write(tmp_path / "ca.pem"))


def refused_at_once(site: Site, command: str) -> str:
    """What a command says that fails without asking again."""
    ran = COMMANDS[command](site)
    assert ran.status == 1
    output = ran.out + ran.err
    assert "Traceback" not in output
    assert "Trying again" not in output
    return " ".join(output.split())


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_certificate_of_an_unknown_authority_names_the_variable_that_trusts_it(site: Site, command: str) -> None:
    output = refused_at_once(site, command)
    assert "certificate is not accepted" in output
    assert "REQUESTS_CA_BUNDLE" in output
    assert "acme" in output
    # `run` asks for the account, its fields and its leads side by side, then for two reference lists, each once.
    deadline = time.monotonic() + 10
    while not site.front.handshakes and time.monotonic() < deadline:
        time.sleep(0.01)  # the server learns of the refusal a little later
    assert 0 < len(site.front.handshakes) <= 7
    assert not any(site.front.handshakes)
    assert [each for each in site.sandbox.requests if each.path.startswith("/api/v4/leads")] == []


@pytest.mark.parametrize(
    ("site", "reason"), [("another name", "IP address mismatch"), ("expired", "expired")], indirect=["site"]
)
@pytest.mark.parametrize("command", ["connect", "check"])
def test_a_certificate_that_is_wrong_itself_says_how(
    site: Site, command: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.ca_file))
    output = refused_at_once(site, command)
    assert reason in output
    assert "the certificates in SSL_CERT_FILE are trusted" in output
    assert not any(site.front.handshakes)


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_certificates_that_is_not_there_is_named_with_its_variable(
    site: Site, command: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/nowhere/ca.pem")
    output = refused_at_once(site, command)
    assert "/nowhere/ca.pem cannot be used (No such file or directory)" in output
    assert variable in output
    assert site.front.handshakes == []


@contextmanager
def proxy_that_wants_a_password() -> Iterator[str]:
    """The address of a proxy that answers 407 to everything."""

    class Refusing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline() not in (b"", b"\r\n"):
                pass
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server, served_beside(server):
        yield f"http://user:hidden@127.0.0.1:{server.server_address[1]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_proxy_that_wants_a_password_is_named_with_its_variable(
    site: Site, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_that_wants_a_password() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        output = refused_at_once(site, command)
    assert "wants a user and a password (407)" in output
    assert "HTTPS_PROXY" in output
    assert "hidden" not in output
    assert site.front.handshakes == []


def test_a_certificate_of_an_authority_that_is_trusted_lets_every_command_through(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.ca_file))
    assert site.connect().status == 0
    assert all(site.front.handshakes)
