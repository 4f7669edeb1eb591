"""Connections are closed when they are said to be, not when the garbage collector comes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from amocrm_assets.crm.account import read_account
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
    answer = request_once("GET", f"{url}/login", proxies=proxies)

    assert answer.ok
    assert connections_to(sandbox) == 0
