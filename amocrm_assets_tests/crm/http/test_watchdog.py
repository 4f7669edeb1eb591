"""An exchange and its watchdog on sockets of this process: who ends it, why, and what is left of it."""

from __future__ import annotations

import socket
import threading
import time
import weakref
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
import requests

from amocrm_assets.cancellation import Cancelled, CancelScope
from amocrm_assets.crm.http.exchange import DeadlineExceeded, Exchange, Watchdog, current_exchange
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCKED_SECONDS = 3.0  # a test that would wait for ever fails after so long
ASLEEP_SECONDS = 0.05  # by then the thread sleeps until a deadline; earlier, it would notice a change by itself


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    with closing(Watchdog()) as made:
        yield made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(BLOCKED_SECONDS)
        theirs.settimeout(BLOCKED_SECONDS)
        yield ours, theirs


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "deadlines"]


def received_by(sock: socket.socket, watchdog: Watchdog, *, seconds: float) -> bytes:
    """What arrives in an exchange of so many seconds."""
    with watchdog.exchange(seconds) as exchange:
        exchange.attach(sock)
        return sock.recv(1)


def fail(watchdog: Watchdog, error: Exception, *, reason: Exception | None = None) -> None:
    """Raise the error in an exchange, after it was aborted for the reason."""
    with watchdog.exchange(60) as exchange:
        if reason:
            exchange.abort(reason)
        raise error


def never_ending() -> Exchange:
    return Exchange(time.monotonic() + 60, None)


@pytest.mark.parametrize("aborted_first", [False, True])
def test_an_aborted_exchange_shuts_down_its_connection(
    pair: tuple[socket.socket, socket.socket], *, aborted_first: bool
) -> None:
    ours, theirs = pair
    exchange = never_ending()
    exchange.check()
    steps: list[Callable[[], None]] = [lambda: exchange.attach(ours), lambda: exchange.abort(Cancelled())]
    for step in reversed(steps) if aborted_first else steps:
        step()

    assert (ours.recv(1), theirs.recv(1)) == (b"", b"")
    exchange.abort(DeadlineExceeded())
    with pytest.raises(Cancelled):  # the first reason stays
        exchange.check()
    exchange.end()
    exchange.abort(Cancelled())


@pytest.mark.parametrize(("host", "own_thread"), [("127.0.0.1", False), ("::1", False), ("shop.example", True)])
def test_only_a_name_is_resolved_in_a_thread_that_can_be_abandoned(
    monkeypatch: pytest.MonkeyPatch, host: str, *, own_thread: bool
) -> None:
    threads: list[threading.Thread] = []

    def resolve(*_: object) -> list[tuple[str]]:
        threads.append(threading.current_thread())
        return [("first",), ("second",)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    assert never_ending().resolve(host, 443, socket.AF_UNSPEC) == [("first",), ("second",)]
    assert [thread is not threading.current_thread() for thread in threads] == [own_thread]
    assert all(thread.daemon for thread in threads if own_thread)


def test_a_second_name_is_waited_for_like_the_first_and_its_error_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def resolve(host: str, *_: object) -> list[str]:
        if host == "a.example":
            return ["a"]
        time.sleep(0.05)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    exchange = never_ending()
    exchange.resolve("a.example", 443, socket.AF_UNSPEC)

    with pytest.raises(socket.gaierror, match="unknown"):
        exchange.resolve("b.example", 443, socket.AF_UNSPEC)


def test_resolving_ends_with_the_reason_of_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, over = never_ending(), threading.Event()

    def resolve(*_: object) -> None:
        exchange.abort(Cancelled())
        over.wait(BLOCKED_SECONDS)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Cancelled):
        exchange.resolve("slow.example", 443, socket.AF_UNSPEC)
    over.set()


@pytest.mark.parametrize("beside", [None, 60.0, 1e12])
def test_a_deadline_ends_an_exchange_whatever_the_deadline_of_another_one_is(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket], beside: float | None
) -> None:
    before = set(watching())
    with ExitStack() as others:
        if beside is not None:
            others.enter_context(watchdog.exchange(beside))
            time.sleep(ASLEEP_SECONDS)
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            received_by(pair[0], watchdog, seconds=0.05)
        (thread,) = set(watching()) - before

    assert time.monotonic() - begun >= 0.05
    assert thread.daemon


def test_the_watchdog_sleeps_until_the_next_deadline(watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch) -> None:
    monotonic = time.monotonic
    awake: list[float] = []

    def counted() -> float:
        if threading.current_thread().name == "deadlines":
            awake.append(monotonic())
        return monotonic()

    monkeypatch.setattr(time, "monotonic", counted)
    with watchdog.exchange(60), pytest.raises(DeadlineExceeded), watchdog.exchange(0.1) as exchange:
        exchange._woken.wait(BLOCKED_SECONDS)  # noqa: SLF001 - what resolving waits for

    assert len(awake) < 20


def test_a_closed_watchdog_ends_its_exchanges_and_its_thread() -> None:
    before, watchdog = set(watching()), Watchdog()
    with pytest.raises(Cancelled), watchdog.exchange(60):  # noqa: PT012 - the end of the exchange raises
        (thread,) = set(watching()) - before
        time.sleep(ASLEEP_SECONDS)
        watchdog.close()
    thread.join(BLOCKED_SECONDS)

    assert not thread.is_alive()


def test_an_exchange_that_is_over_is_forgotten(watchdog: Watchdog) -> None:
    with watchdog.exchange(60) as exchange:
        assert current_exchange() is exchange
        with watchdog.exchange(60) as inner:
            assert current_exchange() is inner
        assert current_exchange() is exchange
    kept = weakref.ref(exchange)
    del exchange

    assert current_exchange() is None
    until = time.monotonic() + BLOCKED_SECONDS
    while kept() is not None and time.monotonic() < until:  # the thread may still hold it
        time.sleep(0.001)
    assert kept() is None


def test_a_cancelled_exchange_ends_at_once(watchdog: Watchdog) -> None:
    scope = CancelScope()
    with scope.entered(), watchdog.exchange(60) as exchange:
        scope.cancel()
        with pytest.raises(Cancelled):
            exchange.check()
        with pytest.raises(Cancelled), watchdog.exchange(60) as later:
            later.check()
        exchange._reason = None  # noqa: SLF001 - so that this exchange ends well


@pytest.mark.parametrize(("seconds", "left"), [(60.0, 20.0), (10.0, 10.0)])
def test_an_exchange_with_grace_goes_on_when_cancelled_but_not_beyond_its_deadline(
    watchdog: Watchdog, seconds: float, left: float
) -> None:
    scope = CancelScope()
    with scope.entered(), watchdog.exchange(seconds, grace_seconds=20) as exchange:
        scope.cancel()
        exchange.check()
        assert exchange.ends_at - time.monotonic() == pytest.approx(left, abs=5)


def test_a_wait_says_when_the_exchange_ends_at_the_latest(watchdog: Watchdog) -> None:
    with waiting("a response") as wait:
        with watchdog.exchange(3000):
            assert wait.until == pytest.approx(time.time() + 3000, abs=60)
        assert wait.until is None


def test_the_reason_of_the_exchange_is_raised_whatever_its_end_led_to(watchdog: Watchdog) -> None:
    with pytest.raises(Cancelled), watchdog.exchange(60) as exchange:
        exchange.abort(Cancelled())
    with pytest.raises(Cancelled):
        fail(watchdog, requests.ConnectionError("reset"), reason=Cancelled())


def test_an_error_of_an_exchange_does_not_keep_the_request_with_its_token(watchdog: Watchdog) -> None:
    failed = requests.ConnectionError(request=requests.Request("GET", "http://x", headers={"Authorization": "y"}))
    with pytest.raises(requests.ConnectionError):
        fail(watchdog, failed)

    assert failed.request is None
