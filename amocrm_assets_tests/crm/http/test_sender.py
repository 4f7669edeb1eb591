"""Tests of `crm.http.sender`: what one request leaves behind, and what of its token is seen afterwards."""

from __future__ import annotations

import threading
import traceback
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.crm.http.error_context import NO_CONTEXT
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.crm.http.responses import ReadTimeout, RetryableError
from amocrm_assets.crm.http.sender import RequestSender
from amocrm_assets.crm.http.timeouts import SHRINKING
from amocrm_assets_tests.accounts import FreeTime
from amocrm_assets_tests.crm.http.answering import serving, speaking
from amocrm_assets_tests.crm.http.stalling import stalling
from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.crm.http.rate_limiter import Permit
    from amocrm_assets.crm.http.responses import Response

# Others are remembered by the process, too, and would be removed from one that begins with them.
TOKEN = "sender-MARKED-of-its-own-kind"


@contextmanager
def sender_to(url: str, *, read_seconds: float = 30.0) -> Iterator[RequestSender]:
    with closing(RequestSender(url, NO_CONTEXT, read_seconds=read_seconds, clock=FreeTime().clock)) as sender:
        yield sender


def sent(sender: RequestSender, permit: Permit | None = None) -> Response:
    return sender.send("/x", {}, TOKEN, permit=permit or RateLimiter(1000).acquire())


def test_a_response_is_counted_and_its_permit_knows_when_it_was_sent_and_answered() -> None:
    permit = RateLimiter(1000).acquire()
    with serving(b"{}", headers={"X-Name": "a"}) as (url, seen), sender_to(url) as sender:
        response = sent(sender, permit)

    assert (response.path, response.status, response.body, response.headers["x-name"]) == ("/x", 200, b"{}", "a")
    assert (sender.stats.requests, sender.stats.received_bytes) == (1, 2)
    assert (sender.stats.first_sent, sender.stats.last_received) == (0, 0)
    assert permit.at is not None
    assert permit.answer_seconds is not None
    assert sender.server_clock.difference is not None
    assert [headers["Authorization"] for headers in seen] == [f"Bearer {TOKEN}"]


def test_a_closed_sender_sends_nothing_and_holds_up_nobody() -> None:
    permit = RateLimiter(1000).acquire()
    with serving(b"{}") as (url, seen):
        with sender_to(url) as sender:
            pass
        with pytest.raises(Cancelled):
            sent(sender, permit)

    assert seen == []
    assert permit.at is not None


def test_a_fast_answer_shortens_a_timeout_that_has_grown() -> None:
    with serving(b"{}") as (url, _), sender_to(url) as sender:
        sender.timeout.grow(30)
        sent(sender)

    assert sender.timeout.read_seconds == pytest.approx(60 * SHRINKING)


def test_an_answer_that_does_not_come_is_a_timeout_of_its_own_that_grows() -> None:
    with (
        stalling("silent") as server,
        sender_to(server.url, read_seconds=0.1) as sender,
        pytest.raises(ReadTimeout, match=r"no answer in time"),
    ):
        sent(sender)
    assert sender.timeout.read_seconds == pytest.approx(0.2)


@pytest.mark.parametrize(("status", "shown"), [(200, TOKEN[3:]), (500, "[secret]")])
def test_of_data_only_whole_tokens_are_removed_and_of_errors_parts_as_well(status: int, shown: str) -> None:
    body = f"{TOKEN} {TOKEN[3:]}".encode()
    with serving(body, status=status, headers={"X-Seen": TOKEN[3:]}) as (url, _), sender_to(url) as sender:
        response = sent(sender)

    assert response.body == f"[secret] {shown}".encode()
    assert response.headers["x-seen"] == "[secret]"


def test_a_token_that_comes_back_as_no_response_at_all_is_not_shown() -> None:
    with (
        speaking(f"{TOKEN}, no status\r\n\r\n".encode()) as url,
        sender_to(url) as sender,
        pytest.raises(RetryableError) as caught,
    ):
        sent(sender)
    shown = "".join(traceback.format_exception(caught.value))
    assert (TOKEN in shown, "[secret]" in shown) == (False, True)


def test_a_response_begins_before_its_body_is_there() -> None:
    begun = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            if begun.wait(10):
                self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    permit = RateLimiter(1000).acquire()
    permit.mark_response_started = begun.set  # type: ignore[method-assign]
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
        served_beside(server),
        sender_to(f"http://127.0.0.1:{server.server_port}", read_seconds=5) as sender,
    ):
        response = sent(sender, permit)

    assert response.body == b"{}"
