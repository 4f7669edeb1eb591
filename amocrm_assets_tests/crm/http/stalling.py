"""Servers that stall: each takes a connection and then does one thing that a healthy server never does."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Stall = Literal["connect", "silent", "headers", "body", "endless-body"]
STALLS: tuple[Stall, ...] = ("connect", "silent", "headers", "body", "endless-body")
BYTE_SECONDS = 0.05


class StallingServer:
    """A listening socket on loopback whose connections stall."""

    def __init__(self, stall: Stall) -> None:
        self._stall = stall
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = self._listener.getsockname()
        self.connections: list[socket.socket] = []
        self.reached = threading.Event()
        # With a backlog of 0 the system completes one connection by itself; the next ones hang in connecting.
        self._filling = [socket.socket() for _ in range(4 if stall == "connect" else 0)]
        for each in self._filling:
            each.settimeout(0)
            with suppress(BlockingIOError):
                each.connect(self.address)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.address[1]}"

    def serve(self) -> None:
        """Accept until `close`, unless connecting is what stalls."""
        while self._stall != "connect" and not self._ended.is_set():
            with suppress(OSError):
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                self.reached.set()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Close every socket."""
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._filling, *self.connections):
            each.close()

    def _answer(self, connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        with suppress(OSError):
            connection.recv(65536)
            match self._stall:
                case "headers":
                    connection.sendall(head + b"X-Slow: ")
                    self._trickle(connection)
                case "body":
                    connection.sendall(head + b"Content-Length: 1000000\r\n\r\n")
                    self._trickle(connection)
                case "endless-body":  # cut off, such a body would look whole
                    connection.sendall(head + b"\r\n{}")
                    self._trickle(connection)

    def _trickle(self, connection: socket.socket) -> None:
        while not self._ended.wait(BYTE_SECONDS):
            connection.sendall(b" ")


@contextmanager
def stalling(stall: Stall) -> Iterator[StallingServer]:
    """A server that stalls."""
    server = StallingServer(stall)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def gzip_bomb(unpacked_bytes: int) -> bytes:
    """Gzip of so many zeros."""
    packer_input = bytes(1 << 20)
    return b"".join(gzip.compress(packer_input, 9) for _ in range(unpacked_bytes >> 20))
