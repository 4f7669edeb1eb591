"""A small HTTP proxy on 127.0.0.1: passes requests on, and opens tunnels (CONNECT)."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART_BYTES = 1 << 16


@contextmanager
def running_proxy(*, tunnels_to: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the methods with which connections through it began.

    `tunnels_to` is the `host:port` at which all tunnels end, whatever host is asked for.
    """
    begun: list[str] = []

    class Handler(StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n") and (line := self.rfile.readline()):
                head += line
            if not head:
                return
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            begun.append(method)
            tunnel = method == "CONNECT"
            address = urlsplit(f"//{tunnels_to or target}" if tunnel else target)
            with socket.create_connection((address.hostname or "", address.port or 80)) as there:
                there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if tunnel:
                    self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    there.sendall(head)  # servers take whole addresses, too
                back = threading.Thread(target=_pass_on, args=(there, self.connection), daemon=True)
                back.start()
                _pass_on(self.connection, there)
                back.join()

    with _Server(("127.0.0.1", 0), Handler) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_address[1]}", begun


class _Server(ThreadingTCPServer):
    # Connections that are kept alive end with the test, not with their client.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):  # one of both has gone
        while part := here.recv(_PART_BYTES):
            there.sendall(part)
    with suppress(OSError):
        there.shutdown(socket.SHUT_WR)
