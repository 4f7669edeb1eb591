"""Connections are closed when they are said to be, not when the garbage collector comes by."""

from __future__ import annotations

import os
import select
import socket
import struct
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.http.exchange import Exchange
from amocrm_assets.crm.http.transport import request_once
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import client_of, sandbox_with

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
