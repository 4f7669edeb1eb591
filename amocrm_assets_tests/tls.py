"""TLS in front of a server of the tests, with good certificates and with every kind that is refused."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import trustme

from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Certificate = Literal["good", "another name", "expired"]


@dataclass
class TlsFront:
    """A server that speaks TLS and passes on what it gets."""

    url: str
    handshakes: list[bool] = field(default_factory=list)
    """Of each connection, whether the other side accepted the certificate."""


class Authority:
    """A certificate authority that no machine knows."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def write(self, file: Path) -> Path:
        """The authority's own certificate, as an administrator gives it to people."""
        self._authority.cert_pem.write_to_path(file)
        return file

    def context(self, kind: Certificate = "good", host: str = "127.0.0.1") -> ssl.SSLContext:
        """A server's side of TLS for a host."""
        name = "shop.example" if kind == "another name" else host
        ends = datetime.now(UTC) + timedelta(days=-1 if kind == "expired" else 1)
        begins = ends - timedelta(days=2)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(name, not_before=begins, not_after=ends).configure_cert(context)
        return context


@contextmanager
def tls_in_front_of(url: str, context: ssl.SSLContext) -> Iterator[TlsFront]:
    """Serve `https://127.0.0.1:PORT` for a server that speaks HTTP."""
    target = urlsplit(url)
    assert target.hostname is not None
    assert target.port is not None
    behind = (target.hostname, target.port)

    class TlsHandler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                with context.wrap_socket(self.request, server_side=True) as encrypted:
                    # What the client thinks of the certificate shows in the first bytes that come.
                    first = encrypted.recv(65536)
                    front.handshakes.append(bool(first))
                    if first:
                        self._pass_on(first, encrypted)
            except ssl.SSLError:
                front.handshakes.append(False)

        def _pass_on(self, first: bytes, encrypted: ssl.SSLSocket) -> None:
            with socket.create_connection(behind) as plain:
                plain.sendall(first)
                back = threading.Thread(target=_copy, args=(plain, encrypted), daemon=True)
                back.start()
                _copy(encrypted, plain)
                back.join(10)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), TlsHandler) as server:
        server.daemon_threads = True
        front = TlsFront(f"https://127.0.0.1:{server.server_address[1]}")
        with served_beside(server):
            yield front


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
