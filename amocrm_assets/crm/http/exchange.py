"""One request and its response, with a deadline: at the deadline or on cancellation, the socket is shut down.

Socket timeouts limit only the time between two bytes, so a server that sends one byte a second could keep a
request open indefinitely. Here every exchange has one deadline for name resolution, connection, handshake,
headers and body. A thread per session watches them; shutting down the socket from that thread ends any wait of
the exchange.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import requests

from amocrm_assets.cancellation import Cancelled, current_scope, wait_for
from amocrm_assets.waiting import note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Addresses = list[tuple[Any, ...]]

_thread = threading.local()


class DeadlineExceeded(requests.ReadTimeout):
    """The exchange exceeded its deadline."""


class BodyTooLarge(requests.RequestException):
    """The decompressed body exceeds the size limit."""


class Exchange:
    """One request and its response. Used by one thread; any thread may abort it."""

    def __init__(self, ends_at: float, on_sent: Callable[[], None] | None) -> None:
        self.ends_at = ends_at
        self.on_sent = on_sent
        self._reason: Exception | None = None
        self._sockets: list[socket.socket] = []
        self._woken = threading.Event()
        self._lock = threading.Lock()

    def attach(self, sock: socket.socket) -> None:
        """Watch a connection. It keeps a duplicate, because TLS moves the original from one object to another."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
            if self._reason is not None:
                self._shut_down()

    def abort(self, reason: Exception) -> None:
        """End the exchange with `reason`, including any wait."""
        with self._lock:
            self._reason = self._reason or reason
            self._woken.set()
            self._shut_down()

    def check(self) -> None:
        """Raise the reason if the exchange was aborted: the truncated body may look complete."""
        if self._reason is not None:
            raise self._reason

    def end(self) -> None:
        """Release the connection."""
        with self._lock:
            for each in self._sockets:
                each.close()

    def resolve(self, host: str, port: int, family: int) -> Addresses:
        """Resolve a host name within the deadline of the exchange. Raises `socket.gaierror`."""
        if _is_address(host):
            return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        found: list[Addresses | OSError | UnicodeError] = []

        def look_up() -> None:
            try:
                found.append(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.append(error)
            self._woken.set()

        # The resolver cannot be interrupted, but the thread that waits for it can be abandoned.
        threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
        wait_for(self._woken.wait)
        self.check()
        self._woken.clear()
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def connect(self, address: tuple[Any, ...], *, timeout: float | None, options: Any) -> socket.socket:
        """A connected socket to one of the addresses from `resolve`. Raises `OSError`."""
        family, kind, protocol, _, target = address
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                sock.setsockopt(*option)
            sock.settimeout(timeout)
            self.attach(sock)
            self.check()
            sock.connect(target)
            self.check()
        except BaseException:
            sock.close()
            raise
        return sock

    def _shut_down(self) -> None:
        for each in self._sockets:
            with suppress(OSError):  # it was never connected, or no longer is
                each.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """Aborts exchanges at their deadline, from a thread that exists only while it is needed."""

    def __init__(self) -> None:
        self._watched: set[Exchange] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes_at = float("inf")
        self._closed = False

    @contextmanager
    def exchange(
        self, seconds: float, *, grace_seconds: float = 0.0, on_sent: Callable[[], None] | None = None
    ) -> Iterator[Exchange]:
        """The exchange of the current thread in the body, with a deadline after so many seconds.

        `on_sent` is called by the connection (`transport`) once the request is written.

        Raises `DeadlineExceeded`, also if the thread's scope is cancelled and `grace_seconds` are over; without a
        grace that raises `Cancelled`.
        """
        exchange = Exchange(time.monotonic() + seconds, on_sent)

        def cancel() -> None:
            if grace_seconds:
                self._watch(exchange, min(exchange.ends_at, time.monotonic() + grace_seconds))
            else:
                exchange.abort(Cancelled())

        self._watch(exchange, exchange.ends_at)
        before, _thread.exchange = current_exchange(), exchange
        note(until=time.time() + seconds)
        try:
            with current_scope().on_cancel(cancel):
                yield exchange
            exchange.check()
        except Exception as error:
            if isinstance(error, requests.RequestException):
                error.request = None  # it contains the request, so showing the chain would show the token
            exchange.check()  # what the broken connection led to is not the reason
            raise
        finally:
            _thread.exchange = before
            note(until=None)
            self._unwatch(exchange)
            exchange.end()

    def close(self) -> None:
        """End the exchanges in progress, and the thread."""
        with self._changed:
            self._closed = True
            watched = set(self._watched)
            self._changed.notify()
        for each in watched:
            each.abort(Cancelled())

    def _watch(self, exchange: Exchange, ends_at: float) -> None:
        with self._changed:
            if self._closed:
                raise Cancelled
            exchange.ends_at = ends_at
            self._watched.add(exchange)
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif ends_at < self._wakes_at:
                self._changed.notify()

    def _unwatch(self, exchange: Exchange) -> None:
        with self._changed:
            self._watched.discard(exchange)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                due = {each for each in self._watched if each.ends_at <= now}
                self._watched -= due
                self._wakes_at = min((each.ends_at for each in self._watched), default=float("inf"))
                if not due:
                    self._changed.wait(min(self._wakes_at - now, threading.TIMEOUT_MAX))
            for each in due:
                each.abort(DeadlineExceeded("the whole exchange took longer than it may"))


def current_exchange() -> Exchange | None:
    """The exchange of the current thread."""
    return getattr(_thread, "exchange", None)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
