"""Tests of `crm.consent`."""

from __future__ import annotations

import socket
import threading
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


def test_a_port_in_use_is_named(here: Consent) -> None:
    with RedirectServer(here), pytest.raises(SettingsError, match=r"Listening on localhost:\d+.*--no-browser"):
        RedirectServer(here)


def test_nothing_is_left_listening(here: Consent) -> None:
    before = threading.active_count()
    with RedirectServer(here):
        pass
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(here.redirect_uri, timeout=60)


def test_only_a_loopback_redirect_comes_back_here() -> None:
    assert consent().comes_back_here
    assert not consent(redirect_uri="https://example.com/callback").comes_back_here


def test_the_state_is_not_shown() -> None:
    assert "MARKED" not in repr(consent())


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
