"""Connections are closed when they are said to be, not when the garbage collector comes by."""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from urllib3.exceptions import NameResolutionError

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.http.exchange import Exchange
from amocrm_assets.crm.http.redaction import remember
from amocrm_assets.crm.http.transport import BodyTooLarge, Session, WatchedAdapter, request_once, resolve_once
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import client_of, sandbox_with
from amocrm_assets_tests.crm.http.answering import serving
from amocrm_assets_tests.crm.http.proxy import running_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("without_collector")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with() as running:
        yield running


def connections_to(sandbox: Sandbox) -> int:
    """This process' connections at the client's end, sockets that nobody closed included."""
    port = int(sandbox.url.rpartition(":")[2])
    return sum(bool(each.raddr) and each.raddr.port == port for each in psutil.Process().net_connections("inet"))


def test_a_closed_client_has_no_connection_whatever_went_wrong(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("reset", times=2),))
    with client_of(sandbox, sleep=lambda _: None) as client:
        read_account(client)
        assert connections_to(sandbox) == 1

    assert connections_to(sandbox) == 0


@pytest.mark.parametrize("proxied", [False, True])
def test_a_single_exchange_keeps_no_connection_though_its_answer_is_kept(
    sandbox: Sandbox, *, proxied: bool
) -> None:
    url, proxies = ("http://elsewhere.example", {"http": sandbox.url}) if proxied else (sandbox.url, {})
    response = request_once("GET", f"{url}/login", proxies=proxies)

    assert response.ok
    assert connections_to(sandbox) == 0


def test_a_connection_that_is_reset_before_its_handshake_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = Exchange.connect
    opened: list[int] = []

    def connect_and_be_reset(exchange: Exchange, *arguments: Any, **options: Any) -> socket.socket:
        sock = connect(exchange, *arguments, **options)
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        select.select([sock], [], [])
        opened.append(sock.fileno())
        return sock

    monkeypatch.setattr(Exchange, "connect", connect_and_be_reset)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(requests.ConnectionError) as refused:
            request_once("GET", f"https://127.0.0.1:{server.getsockname()[1]}/")

        assert "reset" in str(refused.value)
        for number in opened:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(number)
        assert opened


def fetched(session: Session, url: str, **options: Any) -> Exchange:
    """The exchange of a request that went well."""
    with session.watchdog.exchange(60, **options) as exchange:
        assert session.get(url, timeout=20).ok
        return exchange


@pytest.mark.parametrize("proxied", [False, True])
def test_each_request_on_a_connection_that_is_kept_open_has_its_own_deadline_and_time_of_sending(
    monkeypatch: pytest.MonkeyPatch, *, proxied: bool
) -> None:
    attached, sent = list[int](), list[int]()
    attach = Exchange.attach

    def note_and_attach(exchange: Exchange, sock: socket.socket) -> None:
        attached.append(id(exchange))
        attach(exchange, sock)

    monkeypatch.setattr(Exchange, "attach", note_and_attach)
    with sandbox_with() as sandbox, running_proxy() as (proxy, begun):
        if proxied:
            monkeypatch.setenv("HTTP_PROXY", proxy)
        with Session(sandbox.url) as session:
            exchanges = [
                fetched(session, f"{sandbox.url}/login", on_sent=lambda: sent.append(1)) for _ in range(3)
            ]
            fetched(session, f"{sandbox.url}/login")

    assert attached[:3] == [id(each) for each in exchanges]
    assert sent == [1] * 3
    assert begun == ["GET"] * proxied


def test_a_session_connects_within_exchanges_alone_and_not_once_it_is_closed(sandbox: Sandbox) -> None:
    with Session(sandbox.url) as session, pytest.raises(RuntimeError, match="outside of an exchange"):
        session.get(sandbox.url, timeout=20)
    with pytest.raises(Cancelled):
        fetched(session, sandbox.url)
    for url in ("http://shop.example", "https://shop.example"):
        assert isinstance(session.get_adapter(url), WatchedAdapter)


def test_a_session_lets_no_library_log_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("urllib3.connection")
    for each in list(logger.filters):
        logger.removeFilter(each)
    remember("MARKED-in-a-header-line")
    Session("http://127.0.0.1:9").close()
    logger.warning("MARKED-in-a-header-line")

    assert "MARKED" not in caplog.text
    assert "[secret]" in caplog.text


@pytest.mark.parametrize(
    ("errors", "raised", "text"),
    [
        ([None], None, None),
        ([OSError("first"), None], None, None),
        ([TimeoutError("first"), OSError("second")], requests.ConnectionError, "second"),
        ([OSError("first"), TimeoutError("second")], requests.ConnectTimeout, "connecting took longer than 7 s"),
        ([Cancelled()], Cancelled, None),
    ],
)
def test_each_address_of_a_name_is_tried_until_one_answers_or_the_exchange_is_over(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    errors: list[Exception | None],
    raised: type[Exception] | None,
    text: str | None,
) -> None:
    connect, tried = Exchange.connect, list[Any]()

    def connect_or_fail(exchange: Exchange, address: Any, **options: Any) -> socket.socket:
        tried.append(address[4])
        error = errors[len(tried) - 1]
        if error is None:
            real = (*address[:4], ("127.0.0.1", int(sandbox.url.rpartition(":")[2])))
            return connect(exchange, real, **options)
        if isinstance(error, Cancelled):
            exchange.abort(error)
            raise OSError("it was shut down")
        raise error

    monkeypatch.setattr(Exchange, "connect", connect_or_fail)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", number) for number in (1, 2)],
    )
    if raised is None:
        assert request_once("GET", "http://shop.example/login", timeout=7).ok
    else:
        with pytest.raises(raised, match=text) as caught:
            request_once("GET", "http://shop.example/login", timeout=7)
        assert type(caught.value) is raised
    assert tried == [1, 2][: len(errors)]


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve_is_told_from_other_failures(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(requests.ConnectionError) as caught:
        request_once("GET", "http://shop.example")
    assert isinstance(caught.value.args[0].reason, NameResolutionError)
    with pytest.raises(socket.gaierror):
        resolve_once("shop.example", 443)


def test_a_body_may_have_as_many_bytes_as_said_and_no_more() -> None:
    with serving(bytes(3 << 20)) as (url, _):
        assert len(request_once("GET", url, max_bytes=3 << 20).content) == 3 << 20
        with pytest.raises(BodyTooLarge, match="more than 2 MB"):
            request_once("GET", url, max_bytes=(3 << 20) - 1)


def test_a_body_that_is_too_large_is_not_waited_for() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(head + bytes(200_000))
                connection.recv(1)  # the rest never comes

        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(BodyTooLarge):
            request_once("GET", url, max_bytes=100_000, deadline_seconds=5, timeout=5)
        thread.join()
