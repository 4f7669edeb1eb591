"""Tests of `crm.consent`."""

from __future__ import annotations

import errno
import os
import socket
import threading
from queue import Empty
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from amocrm_assets.crm.consent import Consent, RedirectServer
from amocrm_assets.errors import NotAuthorised, SettingsError
from amocrm_assets_tests.crm.authorisation.sources import source
from amocrm_assets_tests.serving import free_port

STATE = "MARKED-state"


def consent(url: str = "https://acme.amocrm.ru", redirect_uri: str = "http://127.0.0.1:8910/callback") -> Consent:
    return Consent(source(url), client_id="integration-1", redirect_uri=redirect_uri, state=STATE)


def address(**answer: str) -> str:
    return "http://127.0.0.1:8910/callback?" + urlencode({"state": STATE, **answer})


@pytest.fixture
def here() -> Consent:
    return consent(redirect_uri=f"http://localhost:{free_port()}/callback")


def test_the_page_is_the_platforms_and_names_integration_and_state() -> None:
    page = urlsplit(consent().authorize_url)
    assert (page.netloc, page.path) == ("www.amocrm.ru", "/oauth")
    assert parse_qs(page.query) == {"client_id": ["integration-1"], "state": [STATE], "mode": ["popup"]}
    assert urlsplit(consent("https://acme.kommo.com").authorize_url).netloc == "www.kommo.com"
    assert urlsplit(consent("http://127.0.0.1:8901").authorize_url).netloc == "127.0.0.1:8901"


def test_the_code_is_found_in_a_pasted_address() -> None:
    assert consent().code_in(address(code="c0de", referer="acme.amocrm.ru") + "\n") == "c0de"
    assert consent().code_in(address(code="c0de", referer="https://ACME.amocrm.ru/")) == "c0de"


def test_of_two_codes_the_first_is_the_one_that_the_first_state_belongs_to() -> None:
    assert consent().code_in(address(code="c0de") + "&state=theirs&code=theirs") == "c0de"


def test_a_pasted_code_is_taken_as_it_is() -> None:
    assert consent().code_in("  def502c0de== ") == "def502c0de=="


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"code": "c0de", "state": "other"}, "answers another request"),
        ({"error": "access_denied"}, "amoCRM answered 'access_denied'"),
        ({"code": "c0de", "referer": "other.amocrm.ru"}, r"in the account other\.amocrm\.ru, not in https://acme"),
    ],
)
def test_an_address_that_brings_no_consent_for_this_source_is_refused(
    answer: dict[str, str], message: str
) -> None:
    with pytest.raises(NotAuthorised, match=message) as caught:
        consent().code_in(address(**answer))
    assert "c0de" not in str(caught.value)


def test_the_redirect_is_received_whatever_else_is_asked_meanwhile(
    here: Consent, capfd: pytest.CaptureFixture[str]
) -> None:
    port = urlsplit(here.redirect_uri).port
    with RedirectServer(here) as redirects, socket.create_connection(("127.0.0.1", port)):  # opened ahead, unused
        origin = f"http://127.0.0.1:{port}"
        assert requests.get(f"{origin}/favicon.ico", timeout=60).status_code == 400
        assert requests.get(f"{origin}/callback?code=MARKED-bad&state=guess", timeout=60).status_code == 400
        page = requests.get(f"{origin}/callback?code=MARKED-code&state={STATE}", timeout=60)
        assert (page.status_code, "Go back to the terminal" in page.text) == (200, True)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Content-Length"] == str(len(page.content))
        assert page.headers["Referrer-Policy"] == "no-referrer"  # its address has the code
        assert redirects.wait(seconds=60) == "MARKED-code"
    assert "MARKED" not in "".join(capfd.readouterr())


def test_a_refused_consent_ends_the_waiting(here: Consent) -> None:
    with RedirectServer(here) as redirects:
        requests.get(f"{here.redirect_uri}?error=access_denied&state={STATE}", timeout=60)
        with pytest.raises(NotAuthorised, match="access_denied"):
            redirects.wait(seconds=60)


def test_waiting_ends_when_nobody_comes(here: Consent) -> None:
    with (
        RedirectServer(here) as redirects,
        pytest.raises(NotAuthorised, match="no redirect arrived within 0 minutes"),
    ):
        redirects.wait(seconds=0.01)


@pytest.mark.parametrize(("seconds", "minutes"), [(600, 10), (6000, 100), (89, 1), (91, 2)])
def test_how_long_was_waited_is_said_in_minutes(
    here: Consent, monkeypatch: pytest.MonkeyPatch, seconds: int, minutes: int
) -> None:
    class Nobody:
        def get(self, *, timeout: float) -> None:
            assert timeout == seconds
            raise Empty

    with RedirectServer(here) as redirects:
        monkeypatch.setattr(redirects, "arrived", Nobody())
        with pytest.raises(NotAuthorised, match=f"within {minutes} minutes"):
            redirects.wait(seconds=seconds)


@pytest.mark.parametrize(
    ("errors", "listens", "cause"),
    [
        ([None, None], [0, 1], None),
        ([None, errno.EADDRNOTAVAIL], [0], None),
        ([errno.EAFNOSUPPORT, None], [1], None),
        ([None, errno.EADDRINUSE], [], errno.EADDRINUSE),
        ([errno.EADDRINUSE], [], errno.EADDRINUSE),
        ([errno.EADDRNOTAVAIL, errno.EACCES], [], errno.EACCES),
        ([errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT], [], errno.EADDRNOTAVAIL),
    ],
)
def test_a_redirect_is_received_wherever_a_browser_may_go_or_the_reason_is_named(
    monkeypatch: pytest.MonkeyPatch, errors: list[int | None], listens: list[int], cause: int | None
) -> None:
    """By the errors of 127.0.0.1 and ::1, which stand for `localhost`."""
    opened: list[Listener] = []

    class Listener:
        is_open = False

        def __init__(self, _: object, host: str, port: int) -> None:
            assert (host, port) == (("127.0.0.1", "::1")[len(opened)], 80)
            opened.append(self)
            if error := errors[len(opened) - 1]:
                raise OSError(error, os.strerror(error))
            self.is_open = True

        def server_close(self) -> None:
            self.is_open = False

        def serve_forever(self) -> None:
            raise NotImplementedError

    monkeypatch.setattr("amocrm_assets.crm.consent._Listener", Listener)
    try:
        RedirectServer(consent(redirect_uri="http://localhost/callback"))
        said = None
    except SettingsError as error:
        said = error.cause

    assert said == (None if cause is None else f"{os.strerror(cause)}.")
    assert [number for number, each in enumerate(opened) if each.is_open] == listens
    assert len(opened) == len(errors)


def test_a_port_in_use_is_named(here: Consent) -> None:
    with RedirectServer(here), pytest.raises(SettingsError, match=r"Listening on localhost:\d+.*--no-browser"):
        RedirectServer(here)


def test_nothing_is_left_listening(here: Consent) -> None:
    before = set(threading.enumerate())
    with RedirectServer(here):
        started = set(threading.enumerate()) - before
        assert {thread.daemon for thread in started} == {True}  # Ctrl-C waits for none
    assert set(threading.enumerate()) == before
    with pytest.raises(requests.ConnectionError):
        requests.get(here.redirect_uri, timeout=60)


def test_only_a_loopback_redirect_comes_back_here() -> None:
    assert consent().comes_back_here
    assert not consent(redirect_uri="https://example.com/callback").comes_back_here
    assert not consent(redirect_uri="http://example.com/callback").comes_back_here
    assert not consent(redirect_uri="https://127.0.0.1:8910/callback").comes_back_here


def test_the_state_is_not_shown() -> None:
    ours = consent()
    assert ours.code_in("code") == "code"
    assert "MARKED" not in repr(ours)


@pytest.mark.parametrize(("host", "reached"), [("[::1]", ["[::1]"]), ("localhost", ["[::1]", "127.0.0.1"])])
def test_the_redirect_is_received_on_the_family_of_its_address(
    here: Consent, host: str, reached: list[str]
) -> None:
    port = here.redirect_uri.split(":")[2].split("/")[0]
    wanted = consent(redirect_uri=f"http://{host}:{port}/callback")
    for each in reached:
        with RedirectServer(wanted) as redirects:
            requests.get(f"http://{each}:{port}/callback?code=MARKED-code&state={STATE}", timeout=5)
            assert redirects.wait(seconds=5) == "MARKED-code"
