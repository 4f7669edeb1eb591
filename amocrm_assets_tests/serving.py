"""Servers of the tests' own, of the standard library, served beside the test."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socketserver
    from collections.abc import Iterator

# Linux hands out 32768 and above by itself.
UNASSIGNED_PORTS = 20_000, 32_000


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on now.

    It is below the ports that Linux hands out by itself: while a slow program starts, no other test's server or
    connection gets it.
    """
    while True:
        port = random.SystemRandom().randrange(*UNASSIGNED_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def served_beside(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve in a thread until the end of the block; closing the server is left to the caller."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
