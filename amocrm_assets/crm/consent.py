"""OAuth consent: the URL of the consent page, and the authorisation code.

The code arrives with a redirect to a loopback port, or is pasted, alone or as the complete redirect URL. For
exchanging it see `connecting`.
"""

from __future__ import annotations

import errno
import hmac
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from amocrm_assets.crm.authorisation.addresses import account_of, host_of, name_of, platform_of
from amocrm_assets.errors import NotAuthorised, SettingsError
from amocrm_assets.settings import is_loopback

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
DONE = "<!doctype html><title>amocrm-assets</title><p>Received. Go back to the terminal; this page can be closed."
STRANGE = "<!doctype html><title>amocrm-assets</title><p>This is not the response that the terminal waits for."


@dataclass(frozen=True)
class Consent:
    """One request for consent: `state` identifies its response."""

    source: SourceSettings
    client_id: str
    redirect_uri: str
    state: str = field(repr=False)

    @property
    def authorize_url(self) -> str:
        """URL of the consent page, which belongs to the platform, not to the account."""
        platform = platform_of(host_of(self.source.url))
        host = f"https://www.{platform}" if platform else self.source.url
        return f"{host}/oauth?" + urlencode({"client_id": self.client_id, "state": self.state, "mode": "popup"})

    @property
    def comes_back_here(self) -> bool:
        """Whether the redirect goes to a loopback port, where a program on this machine can receive it."""
        address = urlsplit(self.redirect_uri)
        return address.scheme == "http" and is_loopback(address.hostname or "")

    def code_in(self, pasted: str) -> str:
        """The code in a pasted text. Raises `NotAuthorised` if it belongs to another request."""
        pasted = pasted.strip()
        if "code=" not in pasted and "error=" not in pasted:
            return pasted
        return self.code_of(urlsplit(pasted))

    def answered_by(self, address: SplitResult) -> bool:
        """Whether a redirect URL belongs to this request."""
        return hmac.compare_digest(_query(address).get("state", "").encode(), self.state.encode())

    def code_of(self, address: SplitResult) -> str:
        """The code in a redirect URL. Raises `NotAuthorised`."""
        response = _query(address)
        if not self.answered_by(address):
            raise self.not_given("the address answers another request for consent (its state differs).")
        if "code" not in response:
            raise self.not_given(f"amoCRM answered {response.get('error', 'without a code')!r}.")
        # amoCRM names the account in which the user consented, as a host or as a URL.
        referer = response.get("referer", "")
        account = host_of(referer) or referer
        if platform_of(account) and name_of(account) != account_of(self.source):
            raise self.not_given(f"consent was granted in the account {account}, not in {self.source.url}.")
        return response["code"]

    def not_given(self, cause: str) -> NotAuthorised:
        """The error if no consent was given."""
        return NotAuthorised(
            f"Waiting for consent for {self.source.subdomain}",
            cause=cause,
            fix=f"Run `amocrm-assets connect {self.source.subdomain}` again and allow the access there.",
            source=self.source.subdomain,
        )


class RedirectServer:
    """Receives the redirect of one consent on a loopback address. A context manager: it listens until it exits."""

    def __init__(self, consent: Consent) -> None:
        self.consent = consent
        self.arrived: SimpleQueue[SplitResult] = SimpleQueue()
        self._listeners = self._listen(urlsplit(consent.redirect_uri))
        self._threads = [
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
            for each in self._listeners
        ]

    def _listen(self, address: SplitResult) -> list[_Listener]:
        listeners: list[_Listener] = []
        failed: OSError | None = None
        port = address.port or 80
        for host in _hosts_of(address.hostname or ""):
            try:
                listeners.append(_Listener(self, host, port))
            except OSError as error:
                # `localhost` has only one address on a machine without IPv6.
                if error.errno not in NO_SUCH_ADDRESS:
                    failed = error
                    break
                failed = failed or error
        if listeners and (failed is None or failed.errno in NO_SUCH_ADDRESS):
            return listeners
        for each in listeners:
            each.server_close()
        raise SettingsError(
            f"Listening on {address.netloc} for the redirect of {self.consent.source.subdomain}",
            cause=f"{failed.strerror if failed else 'no address'}.",
            fix=f"Close the program on this port, or run `amocrm-assets connect {self.consent.source.subdomain}"
            " --no-browser` and paste the address.",
            source=self.consent.source.subdomain,
        ) from failed

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for listener, thread in zip(self._listeners, self._threads, strict=True):
            listener.shutdown()
            thread.join()
            listener.server_close()

    def wait(self, *, seconds: float) -> str:
        """The code of the redirect. Raises `NotAuthorised` if the user refused or did not respond."""
        try:
            return self.consent.code_of(self.arrived.get(timeout=seconds))
        except Empty as error:
            raise self.consent.not_given(f"no redirect arrived within {seconds / 60:.0f} minutes.") from error


class _Listener(ThreadingHTTPServer):
    """One listening socket, IPv4 or IPv6."""

    def __init__(self, redirects: RedirectServer, host: str, port: int) -> None:
        self.redirects = redirects
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Redirect)

    def server_bind(self) -> None:
        """Bind without http.server's lookup of this machine's name, which may hang."""
        socketserver.TCPServer.server_bind(self)


def _hosts_of(hostname: str) -> tuple[str, ...]:
    """The addresses that a browser may use: `localhost` may be IPv4 and IPv6, in either order."""
    return ("127.0.0.1", "::1") if hostname == "localhost" else (hostname,)


class _Redirect(BaseHTTPRequestHandler):
    """Accepts the redirect and ignores all other requests."""

    server: _Listener
    timeout = 10  # browsers open connections in advance that they never use

    def do_GET(self) -> None:
        consent, address = self.server.redirects.consent, urlsplit(self.path)
        expected = urlsplit(consent.redirect_uri).path or "/"
        ours = address.path == expected and consent.answered_by(address)
        page = (DONE if ours else STRANGE).encode()
        self.send_response(HTTPStatus.OK if ours else HTTPStatus.BAD_REQUEST)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)
        if ours:
            self.server.redirects.arrived.put(address)

    def log_message(self, *_: object) -> None:
        """Do not log: the URL contains the code."""


def _query(address: SplitResult) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(address.query).items()}
