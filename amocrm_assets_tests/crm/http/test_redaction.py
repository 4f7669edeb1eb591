"""Tests of `crm.redaction`: a server that repeats what it was sent is neither believed nor quoted."""

from __future__ import annotations

import html
import json
import logging
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
from amocrm_assets.crm.http import redaction
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.redaction import (
    MAX_SECRETS,
    MIN_PIECE,
    redact,
    redact_body,
    redact_error,
    redact_logs,
    remember,
)
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.crm.authorisation.sources import ENVIRONMENT, OAUTH, source
from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "eyJ0eXAi.Zm9vYmFyYmF6cXV4/k+MARKEDTOKEN.c2lnbmF0dXJl"
ESCAPED = "".join(f"\\u{ord(each):04x}" for each in TOKEN)


@pytest.fixture(autouse=True)
def nothing_sent_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_sent", type(redaction._sent)())  # noqa: SLF001 - it is kept per process
    redaction._forms.cache_clear()  # noqa: SLF001 - so that what a test executes does not depend on others
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@contextmanager
def echoing(status: int, how: str) -> Iterator[str]:
    """The address of a server that answers with what it was sent."""

    class Echo(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
            sent += self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if how == "status line":
                self.wfile.write(f"BROKEN {sent}\r\n\r\n".encode())
                return
            shown = sent[3:-5] if how == "truncated" else sent
            body = (
                f"<html>{shown}" if how == "html" else json.dumps({"detail": shown, "title": shown, "hint": shown})
            )
            self.send_response(status)
            self.send_header("Location", f"https://{quote(shown, safe='')}/{shown}")
            self.send_header("X-Request-Id", shown)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}"


def pieces(secret: str) -> list[str]:
    return [secret[at : at + MIN_PIECE] for at in range(len(secret) - MIN_PIECE + 1)]


def everything_about(error: AmoCrmAssetsError) -> str:
    shown = "".join(traceback.format_exception(error))
    return f"{shown}{error.facts}{error.args}{error.__cause__!r}{error.__context__!r}"


@pytest.mark.parametrize("how", ["json", "html", "truncated", "status line"])
@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 407, 418, 500])
def test_a_token_that_the_server_repeats_is_in_no_error(
    status: int, how: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with (
        echoing(status, how) as url,
        AmoCrmClient(url, FixedToken(TOKEN), sleep=lambda _: None) as client,
        pytest.raises(AmoCrmAssetsError) as caught,
    ):
        client.get("/api/v4/account")
    shown = everything_about(caught.value) + caplog.text + "".join(capfd.readouterr())
    assert not [piece for piece in pieces(TOKEN) if piece in shown]


@pytest.mark.parametrize("how", ["json", "html", "truncated", "status line"])
@pytest.mark.parametrize("status", [302, 400, 401, 403, 407, 418, 500, 200])
def test_what_the_token_endpoint_repeats_is_in_no_error(
    status: int, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with echoing(status, how) as url, pytest.raises(AmoCrmAssetsError) as caught:
        TokenEndpoint(source(url), OAUTH, sleep=lambda _: None).refresh(TOKEN)
    shown = everything_about(caught.value) + caplog.text
    secrets = (TOKEN, ENVIRONMENT["ACME_SECRET"])
    assert not [piece for secret in secrets for piece in pieces(secret) if piece in shown]


def test_a_token_in_the_data_is_removed_before_anything_is_kept() -> None:
    with echoing(200, "json") as url, AmoCrmClient(url, FixedToken(TOKEN)) as client:
        response = client.get("/api/v4/leads")
    assert response.json() == dict.fromkeys(("detail", "title", "hint"), "[secret]")


@pytest.mark.parametrize(
    "spelled", [TOKEN, quote(TOKEN, safe=""), TOKEN.replace("/", "\\/"), ESCAPED, TOKEN[5:-3]]
)
def test_every_spelling_of_a_secret_is_removed(spelled: str) -> None:
    remember(TOKEN)
    assert redact(f"a {spelled} b") == "a [secret] b"


def test_what_is_no_secret_stays_byte_for_byte() -> None:
    remember(TOKEN, "short")
    body = "short, Город eyJ0eXAi".encode()
    assert redact_body(body, pieces=True) is body


def test_every_part_of_a_secret_is_removed_wherever_it_begins_and_ends() -> None:
    remember(TOKEN)
    ends = [(at, end) for at in range(len(TOKEN)) for end in range(at + MIN_PIECE, len(TOKEN) + 1)]

    assert {redact(f"a {TOKEN[at:end]} b") for at, end in ends} == {"a [secret] b"}
    assert {redact(TOKEN[at:end]) for at, end in ends} == {"[secret]"}
    assert redact(f"{TOKEN[:20]}-{TOKEN[4:30]}") == "[secret]-[secret]"
    assert redact(shorter := TOKEN[: MIN_PIECE - 1]) == shorter


@pytest.mark.parametrize("secret", ['"MARKED-secret', "MARKED\\secret/1", 'MARKED<&>"secret', "MARKED-secr"])
def test_a_body_with_a_secret_stays_what_it_is(secret: str) -> None:
    remember(secret)
    shown = "[secret]" if len(secret) >= MIN_PIECE else secret

    assert json.loads(redact(json.dumps({"detail": secret, "id": 1}))) == {"detail": shown, "id": 1}
    assert redact(f"<p>{html.escape(secret)}</p>") == f"<p>{html.escape(shown)}</p>"
    assert redact(f"?token={quote(secret, safe='')}&x") == f"?token={quote(shown, safe='[]')}&x"


def test_a_secret_of_the_least_length_is_removed() -> None:
    remember("x" * (MIN_PIECE - 1), "MARKEDsecret")

    assert redact("x" * (MIN_PIECE - 1) + " MARKEDsecret") == "x" * (MIN_PIECE - 1) + " [secret]"


def test_only_the_secrets_that_were_sent_last_are_remembered() -> None:
    secrets = [f"MARKED-secret-{number:03}" for number in range(MAX_SECRETS + 1)]
    remember(*secrets[:-1])
    remember(secrets[0])  # it is sent again, so the second is the one that was not sent for longest
    remember(secrets[-1])

    assert [each for each in secrets if redact(each, pieces=False) == each] == [secrets[1]]


def test_parts_are_searched_where_they_are_wanted_in_texts_of_bounded_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redaction, "MAX_SEARCHED_BYTES", 100)
    remember(TOKEN)
    part = TOKEN[5:-3]

    assert redact(part, pieces=False) == part
    assert redact(part.ljust(100)).strip() == "[secret]"
    assert redact(part.ljust(101)).strip() == part
    assert redact(TOKEN.ljust(200)).strip() == "[secret]"


def test_an_error_and_all_that_it_wraps_loses_its_secrets() -> None:
    remember(TOKEN)
    reason, cause, context, argument = (ValueError(f"{name} {TOKEN}") for name in "rcxa")
    error = ValueError(5, argument, TOKEN.encode(), TOKEN[3:-5].encode())
    vars(error).update(reason=reason, line=TOKEN, body=TOKEN[3:-5].encode(), number=7)
    error.__cause__, error.__context__ = cause, context
    cause.__cause__ = error  # in a circle
    redact_error(error)

    assert [str(each) for each in (reason, cause, context, argument)] == [f"{name} [secret]" for name in "rcxa"]
    assert error.args == (5, argument, b"[secret]", b"[secret]")
    assert vars(error) == {"reason": reason, "line": "[secret]", "body": b"[secret]", "number": 7}


@pytest.mark.parametrize("name", ["connection", "connectionpool", "response", "util.retry"])
def test_what_a_library_logs_is_logged_without_secrets(name: str, caplog: pytest.LogCaptureFixture) -> None:
    remember(TOKEN)
    redact_logs()
    logger = logging.getLogger(f"urllib3.{name}")
    logger.warning("a %s b", TOKEN)
    logger.error("c", exc_info=ValueError(TOKEN))
    logger.error("d", exc_info=(None, None, None))

    assert [record.getMessage() for record in caplog.records] == ["a [secret] b", "c", "d"]
    assert "ValueError: [secret]" in caplog.text
    assert TOKEN not in caplog.text
