"""Every exchange ends in time, whatever the other side does, and its socket is shut down then."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm_assets.cancellation import Cancelled, CancelScope
from amocrm_assets.crm.http.exchange import DeadlineExceeded, Exchange, Watchdog
from amocrm_assets.crm.http.transport import request_once
from amocrm_assets_tests.crm.http.stalling import STALLS, Stall, stalling

if TYPE_CHECKING:
    from collections.abc import Callable

# Of a single wait. What ends earlier, on a busy machine as well, was ended by something else.
TIMEOUT_SECONDS = 60


@pytest.mark.parametrize("stall", STALLS)
def test_an_exchange_that_stalls_anywhere_ends_at_its_deadline(stall: Stall) -> None:
    with stalling(stall) as server:
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            request_once("GET", server.url, deadline_seconds=0.5, timeout=TIMEOUT_SECONDS)

        assert 0.4 < time.monotonic() - begun < TIMEOUT_SECONDS / 2


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_handshake_that_stalls_ends(*, cancelled: bool) -> None:
    with stalling("silent") as server:
        url = server.url.replace("http", "https")
        if cancelled:
            ended = cancelled_after(lambda: request_once("GET", url, timeout=TIMEOUT_SECONDS, grace_seconds=0))
            assert ended[0] is Cancelled
            assert ended[1] < TIMEOUT_SECONDS / 2
        else:
            begun = time.monotonic()
            with pytest.raises(DeadlineExceeded):
                request_once("GET", url, deadline_seconds=0.5, timeout=TIMEOUT_SECONDS)
            assert time.monotonic() - begun < TIMEOUT_SECONDS / 2


@pytest.mark.parametrize("stall", [stall for stall in STALLS if stall != "connect"])
def test_the_server_sees_the_socket_shut_down(stall: Stall) -> None:
    with stalling(stall) as server:
        with pytest.raises(requests.RequestException):
            request_once("GET", server.url, deadline_seconds=0.3, timeout=TIMEOUT_SECONDS)

        (connection,) = server.connections
        connection.settimeout(5)
        with suppress(ConnectionResetError):  # the server was writing at that moment
            assert connection.recv(65536) == b""


@pytest.mark.parametrize("stall", STALLS)
def test_an_exchange_that_stalls_anywhere_ends_when_its_scope_is_cancelled(stall: Stall) -> None:
    with stalling(stall) as server:
        ended = cancelled_after(lambda: request_once("GET", server.url, timeout=TIMEOUT_SECONDS, grace_seconds=0))

        assert ended[0] is Cancelled
        assert ended[1] < TIMEOUT_SECONDS / 2


def test_a_name_that_does_not_resolve_in_time_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    requested = threading.Event()

    def slow(*_: object, **__: object) -> None:
        requested.set()
        time.sleep(TIMEOUT_SECONDS)
        raise socket.gaierror

    # The system's resolver cannot be slowed down from here.
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        request_once("GET", "http://slow.example", deadline_seconds=0.5, timeout=TIMEOUT_SECONDS)

    assert requested.is_set()
    assert time.monotonic() - begun < TIMEOUT_SECONDS / 2


def test_whoever_stops_gives_an_answer_with_tokens_a_moment_to_arrive() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            requested.set()
            time.sleep(1)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.close()

        requested = threading.Event()
        threading.Thread(target=respond, daemon=True).start()
        got: list[bytes] = []
        ended = cancelled_after(
            lambda: got.append(request_once("POST", f"http://127.0.0.1:{listener.getsockname()[1]}").content),
            requested,
        )

    assert got == [b"ok"]
    assert ended[0] is None


def test_what_begins_after_the_end_does_not_begin() -> None:
    watchdog = Watchdog()
    watchdog.close()
    with pytest.raises(Cancelled), watchdog.exchange(60):
        pass


def address_of(listener: socket.socket, port: Any = None) -> tuple[Any, ...]:
    host, own_port = listener.getsockname()
    return socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, own_port if port is None else port)


@pytest.mark.parametrize("options", [None, [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]])
def test_a_connection_has_its_options_and_ends_with_the_exchange(
    options: list[tuple[int, int, int]] | None,
) -> None:
    exchange = Exchange(time.monotonic() + 60, None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with exchange.connect(address_of(listener), timeout=3.0, options=options) as sock:
            assert sock.gettimeout() == 3.0
            assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == bool(options)
            exchange.abort(Cancelled())
            assert sock.recv(1) == b""
        exchange.end()


def test_an_exchange_that_is_over_connects_to_nobody() -> None:
    exchange = Exchange(time.monotonic() + 60, None)
    exchange.abort(Cancelled())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        with pytest.raises(Cancelled):
            exchange.connect(address_of(listener), timeout=3.0, options=None)
        with pytest.raises(BlockingIOError):
            listener.accept()
    exchange.end()


def test_an_exchange_that_is_aborted_while_it_connects_returns_no_connection() -> None:
    exchange = Exchange(time.monotonic() + 60, None)

    class Port:
        """Reading it is the last thing before the connection is made."""

        def __index__(self) -> int:
            exchange.abort(Cancelled())
            return int(listener.getsockname()[1])

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Cancelled):
        exchange.connect(address_of(listener, Port()), timeout=3.0, options=None)
    exchange.end()


def cancelled_after(
    action: Callable[[], object], reached: threading.Event | None = None
) -> tuple[type | None, float]:
    """What an action in a scope ended with, and how long after the scope was cancelled."""
    scope = CancelScope()
    ended: list[tuple[type | None, float]] = []

    def act() -> None:
        error: type | None = None
        try:
            with scope.entered():
                action()
        except (Cancelled, requests.RequestException) as caught:
            error = type(caught)
        ended.append((error, time.monotonic()))

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    if reached is not None:
        assert reached.wait(10)
    else:
        time.sleep(0.5)
    assert not ended
    cancelled_at = time.monotonic()
    scope.cancel()
    thread.join(20)
    error, at = ended[0]
    return error, at - cancelled_at
