"""Stand-ins of services that take alerts: an HTTP service (chats) and a mail server, sound, slow or refusing."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal

from amocrm_assets_tests.crm.http.proxy import running_proxy
from amocrm_assets_tests.serving import served_beside
from amocrm_assets_tests.tls import Authority, tls_in_front_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
TELEGRAM = f"tgram://123456789:{SECRET}/12345"

Mood = Literal["sound", "slow", "refusing"]


class ChatService(ThreadingHTTPServer):
    """Takes any POST. Answers as Telegram and Slack do, which both look into the body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Chat)
        self.mood: Mood = "sound"
        self.ended = threading.Event()
        self.received: list[str] = []

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


class _Chat(BaseHTTPRequestHandler):
    server: ChatService

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.mood == "slow":
            self.server.ended.wait(60)
            return
        if self.server.mood == "sound":
            self.server.received.append(body)
        self.send_response(200 if self.server.mood == "sound" else 500)
        response = b"ok" if "slack" in self.path else b'{"ok":true,"result":{}}'
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def chat_service() -> Iterator[ChatService]:
    """A service that runs until the end of the context."""
    with ChatService() as service, served_beside(service):
        try:
            yield service
        finally:
            service.ended.set()


@contextmanager
def telegram(folder: Path) -> Iterator[tuple[ChatService, dict[str, str]]]:
    """A Telegram for other processes, and the environment in which `api.telegram.org` is this one.

    They reach it as from a company's network: through a proxy, by an authority's certificate in `folder`.
    """
    authority = Authority()
    with (
        chat_service() as service,
        tls_in_front_of(f"http://{service.address}", authority.context(host="api.telegram.org")) as front,
        running_proxy(tunnels_to=front.url.removeprefix("https://")) as (proxy, _),
    ):
        certificate = authority.write(folder / "authority.pem")
        yield (
            service,
            {
                "AMOCRM_ALERTS": TELEGRAM,
                "HTTPS_PROXY": proxy,
                "NO_PROXY": "127.0.0.1",
                "REQUESTS_CA_BUNDLE": str(certificate),
            },
        )


class MailServer(socketserver.ThreadingTCPServer):
    """Enough of SMTP to be given a mail."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mood: Mood = "sound"
        self.ended = threading.Event()
        self.received: list[str] = []

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self.server_address[1])


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        if self.server.mood == "slow":
            self.server.ended.wait(60)
            return None
        self._say("220 stand-in")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                return self._say("221 bye")
            if verb == b"MAIL" and self.server.mood == "refusing":
                self._say("550 no mail from you")
            elif verb == b"DATA":
                self._say("354 go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.server.received.append(b"".join(lines).decode())
                self._say("250 received")
            else:
                self._say("250 ok")
        return None

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server that runs until the end of the context."""
    with MailServer() as server, served_beside(server):
        try:
            yield server
        finally:
            server.ended.set()
