"""Servers with one answer, for each path or for all, for what the sandbox never says."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def answering(responses: Mapping[str, tuple[int, bytes]]) -> Iterator[str]:
    """The address of a server that answers a path with that status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = responses[self.path.partition("?")[0]]
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def serving(
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    tls: Path | None = None,
    status: int = 200,
    seconds: float = 0.0,
) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """The address of a server with one answer, that takes so long, and the headers of the requests it got."""
    seen: list[Mapping[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers.items()))
            time.sleep(seconds)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever has enough of the body goes away
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - http.server's names
        do_CONNECT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with served_beside(server):
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", seen


@contextmanager
def speaking(answer: bytes) -> Iterator[str]:
    """The address of a server that answers with these bytes, whatever protocol that is."""

    class Speaking(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline() not in (b"", b"\r\n"):
                pass
            self.wfile.write(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Speaking) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"
