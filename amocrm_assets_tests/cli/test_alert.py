"""`amocrm-assets alert --test` tells which addresses took a message, and never shows their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from apprise.plugins.telegram import NotifyTelegram

from amocrm_assets_tests.orchestration.alerts.services import SECRET, TELEGRAM, chat_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets_tests.cli.conftest import Command
    from amocrm_assets_tests.orchestration.alerts.services import ChatService


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatService]:
    """Telegram, at the only place where Apprise lets it be elsewhere."""
    with chat_service() as service:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://{service.address}/bot")
        yield service


def test_an_address_that_takes_the_test_message_is_named(
    run: Command, chat: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_ALERTS", TELEGRAM)
    ran = run("alert", "--test")
    assert (ran.status, len(chat.received)) == (0, 1)
    assert "alert --test" in chat.received[0]
    assert ran.out.startswith("taken    tgram://")
    assert SECRET not in ran.out + ran.err


def test_one_refusal_among_the_addresses_is_exit_status_1(
    run: Command, chat: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.mood = "refusing"
    monkeypatch.setenv("AMOCRM_ALERTS", TELEGRAM)
    ran = run("alert", "--test")
    assert ran.status == 1
    assert ran.out.startswith("REFUSED  tgram://")
    assert "whether this machine can reach the service" in ran.err


def test_an_unsupported_address_is_named_without_its_secrets_and_is_exit_status_1(
    run: Command, chat: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_ALERTS", f"{TELEGRAM} slak://very/secret/token")
    ran = run("alert", "--test")
    assert (ran.status, chat.received) == (1, [])
    assert "address 2 (it begins with slak://)" in ran.err
    assert "secret" not in ran.out + ran.err


def test_without_addresses_the_variable_is_named(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMOCRM_ALERTS", raising=False)
    ran = run("alert", "--test")
    assert ran.status == 1
    assert "AMOCRM_ALERTS is not set" in ran.err


def test_nothing_is_sent_without_being_asked_for(run: Command, chat: ChatService) -> None:
    assert run("alert").status == 2
    assert chat.received == []
