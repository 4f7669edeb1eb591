"""Messages reach chats and mail servers, and services that are down, slow or refuse cost some seconds at most."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.alerts.problem import Message
from amocrm_assets.orchestration.alerts.send import name_of, require_supported, send, senders, shown, unsupported
from amocrm_assets_tests.orchestration.alerts.services import TELEGRAM, chat_service, mail_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets_tests.orchestration.alerts.services import ChatService

MESSAGE = Message("amoCRM acme: raw_leads failed", "Cause: <b>no</b> answer.\nFix: Wait *a little*.")
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatService]:
    """Telegram and Slack at once, at the only place where Apprise lets them be elsewhere."""
    with chat_service() as service:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://{service.address}/bot")
        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{service.address}/slack")
        yield service


@pytest.mark.parametrize("address", [TELEGRAM, SLACK])
def test_a_chat_takes_the_message(chat: ChatService, address: str) -> None:
    assert send(address, MESSAGE)
    (body,) = chat.received
    for words in ("raw_leads failed", "answer", "Wait"):
        assert words in body.replace("raw\\\\_leads", "raw_leads")


@pytest.mark.parametrize("address", [TELEGRAM, SLACK])
def test_a_chat_that_refuses_has_not_taken_it(chat: ChatService, address: str) -> None:
    chat.mood = "refusing"
    assert not send(address, MESSAGE)


@pytest.mark.parametrize("address", [TELEGRAM, SLACK])
def test_a_chat_that_never_answers_is_left_at_the_deadline(chat: ChatService, address: str) -> None:
    chat.mood = "slow"
    started = time.monotonic()
    assert not send(address, MESSAGE, deadline_seconds=0.2)
    assert time.monotonic() - started < 30
    assert chat.received == []
    # It does not keep the process from ending.
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "alert")


def test_a_mail_server_takes_the_message_or_not() -> None:
    with mail_server() as server:
        address = f"mailto://127.0.0.1:{server.port}?from=us@acme.test&to=them@acme.test&mode=insecure"
        assert send(address, MESSAGE)
        assert "raw_leads failed" in server.received[0]
        server.mood = "refusing"
        assert not send(address, MESSAGE)
        server.mood = "slow"
        assert not send(address, MESSAGE, deadline_seconds=0.2)
    assert not send(address, MESSAGE)  # nobody listens there any more


def test_secrets_of_addresses_are_not_shown() -> None:
    assert "AAAAAAAA" not in shown(TELEGRAM)
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in shown(SLACK)
    assert name_of(SLACK) not in SLACK


def test_unsupported_addresses_are_left_out_and_named_without_their_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    addresses = [SLACK, "slak://very/secret/token", "tgram:/123:secret/1", "tgram://secret/1", "slack://secret"]
    assert list(senders(addresses)) == [name_of(SLACK)]
    assert unsupported(addresses) == [
        "address 2 (it begins with slak://)",
        "address 3 (it does not begin like slack://)",
        "address 4 (it begins with tgram://)",
        "address 5 (it begins with slack://)",
    ]
    with pytest.raises(SettingsError, match=r"AMOCRM_ALERTS.*address 2 .*address 3 .*address 4 ") as caught:
        require_supported(addresses)
    assert "secret" not in str(caught.value) + caplog.text
    require_supported([SLACK])
