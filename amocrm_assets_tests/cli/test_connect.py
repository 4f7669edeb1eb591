"""Tests of `cli.connect` and `cli.disconnect`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from amocrm_assets.settings.screen import has_screen
from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command


@pytest.fixture
def redirect(sandbox: Sandbox) -> str:
    """A redirect address with a free port, known to the integration."""
    address = f"http://127.0.0.1:{free_port()}/callback"
    sandbox.configure(redirect_uri=address)
    return address


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that follows redirects: the sandbox agrees at once."""
    program = tmp_path / "browser.py"
    program.write_text("import sys, requests\nrequests.get(sys.argv[1], timeout=60)\n")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {program} %s")


@pytest.mark.usefixtures("browser")
def test_a_person_consents_in_the_browser_and_is_connected(
    run: Command, add_source: AddSource, sandbox: Sandbox, redirect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_ID", sandbox.options.client_id)
    monkeypatch.setenv("ACME_SECRET", sandbox.options.client_secret)
    oauth = {"client_id_env": "ACME_ID", "client_secret_env": "ACME_SECRET", "redirect_uri": redirect}
    add_source(base_url=sandbox.url, oauth=oauth)
    ran = run("connect", "acme")
    assert (ran.status, ran.err) == (0, "")
    assert "Connected acme. The tokens are kept in " in ran.out
    assert f"(acme, id {sandbox.options.account_id})" in ran.out
    assert "Next: amocrm-assets check acme" in ran.out


def test_a_browser_that_talks_is_not_heard(tmp_path: Path) -> None:
    browser, called = tmp_path / "browser.py", tmp_path / "called"
    talks = "import sys\nprint('no display', file=sys.stderr)"
    browser.write_text(f"{talks}\nopen({str(called)!r}, 'w').write('x')\n")
    program = "import time\nfrom amocrm_assets.cli.connect import open_browser\nopen_browser('http://a.test')\n"
    program += f"from pathlib import Path\nwhile not Path({str(called)!r}).exists(): time.sleep(0.05)"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "BROWSER": f"{sys.executable} {browser} %s"},
        capture_output=True,
        check=True,
    )
    assert (ran.stdout, ran.stderr) == (b"", b"")


@pytest.mark.parametrize(
    ("environment", "platform", "screen"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_a_browser_needs_a_screen(environment: dict[str, str], platform: str, *, screen: bool) -> None:
    assert has_screen(environment, platform=platform) == screen


def test_without_a_browser_the_address_is_pasted(run: Command, acme_oauth: Sandbox) -> None:
    code = acme_oauth.tokens.code()
    ran = run("connect", "acme", "--no-browser", stdin=f"{code}\n")
    assert (ran.status, ran.err) == (0, "")
    page = next(word for word in ran.out.split() if "/oauth?" in word)
    assert parse_qs(urlsplit(page).query)["client_id"] == ["integration-1"]
    assert code not in ran.out


def test_nothing_from_the_pipe_is_said_and_not_sent(run: Command, acme_oauth: Sandbox) -> None:
    before = len(acme_oauth.requests.of("/oauth2"))
    ran = run("connect", "acme", "--no-browser", stdin="\n")
    assert ran.status == 2
    assert "there was no input" in ran.err
    assert len(acme_oauth.requests.of("/oauth2")) == before


def test_an_address_of_another_consent_is_refused(run: Command, acme_oauth: Sandbox) -> None:
    pasted = f"http://127.0.0.1:8910/callback?code={acme_oauth.tokens.code()}&state=guess"
    ran = run("connect", "acme", "--no-browser", stdin=pasted)
    assert ran.status == 1
    assert "answers another request for consent" in ran.err
    assert acme_oauth.requests.of("/oauth2") == []


def test_a_code_comes_from_a_pipe_or_a_variable(
    run: Command, acme_oauth: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("connect", "acme", "--code", stdin=acme_oauth.tokens.code()).status == 0
    monkeypatch.setenv("ACME_CODE", acme_oauth.tokens.code())
    assert run("connect", "acme", "--code-env", "ACME_CODE").status == 0


def test_a_code_typed_at_a_terminal_is_not_echoed(acme_oauth: Sandbox) -> None:
    code = acme_oauth.tokens.code()
    program = "from amocrm_assets.cli import main; main(['connect', 'acme', '--code'])"
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        while b"Code:" not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, code.encode() + b"\n")
        with suppress(OSError):  # how a terminal says that the other side has closed it
            while more := os.read(ours, 1000):
                shown += more
    os.close(ours)
    assert b"Connected acme" in shown
    assert code[:20].encode() not in shown


def test_what_the_settings_should_say_is_said(run: Command, acme_oauth: Sandbox) -> None:
    acme_oauth.configure(timezone="Asia/Yekaterinburg", filters_enabled=False)
    ran = run("connect", "acme", "--code", stdin=acme_oauth.tokens.code())
    assert "write `timezone: Asia/Yekaterinburg` into its defs.yaml" in ran.out
    assert "does not filter by time" in ran.out


def test_a_source_with_a_long_lived_token_needs_no_connecting(run: Command, acme: Sandbox) -> None:
    ran = run("connect", "acme")
    assert ran.status == 1
    assert "it has a long-lived token, in ACME_TOKEN" in ran.err
    assert not acme.requests


def test_a_missing_secret_is_named_before_a_person_is_sent_anywhere(
    run: Command, acme_oauth: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_SECRET")
    ran = run("connect", "acme")
    assert ran.status == 1
    assert "Set ACME_SECRET" in ran.err
    assert "/oauth?" not in ran.out
    assert not acme_oauth.requests


def test_a_source_that_is_not_there_is_named_with_those_that_are(run: Command, acme: Sandbox, defs: Path) -> None:
    ran = run("connect", "acmee")
    assert ran.status == 2
    assert f"there is no source 'acmee' in {defs}. Did you mean acme?" in ran.err
    assert not acme.requests


def test_a_source_is_found_by_its_display_name_too(run: Command, acme: Sandbox) -> None:
    assert "ACME_TOKEN" in run("connect", "acme [LTD]").err
    assert not acme.requests


def test_disconnecting_forgets_the_tokens_and_nothing_else(
    run: Command, acme_oauth: Sandbox, tmp_path: Path
) -> None:
    run("connect", "acme", "--code", stdin=acme_oauth.tokens.code())
    assert list(tmp_path.rglob("tokens.json"))
    ran = run("disconnect", "acme", "--yes")
    assert ran.status == 0
    assert "acme is disconnected. Its data stays." in ran.out
    assert "Revoke access" in ran.out
    assert not list(tmp_path.rglob("tokens.json"))
    assert (tmp_path / "defs/acme/defs.yaml").exists()
    assert "was not connected" in run("disconnect", "acme", "--yes").out


def test_disconnecting_asks_first(run: Command, acme_oauth: Sandbox, tmp_path: Path) -> None:
    run("connect", "acme", "--code", stdin=acme_oauth.tokens.code())
    assert run("disconnect", "acme", stdin="n\n").status == 1
    assert list(tmp_path.rglob("tokens.json"))
    assert run("disconnect", "acme", stdin="y\n").status == 0
    assert not list(tmp_path.rglob("tokens.json"))


def test_a_long_lived_token_is_not_stored_and_so_not_forgotten(run: Command, acme: Sandbox) -> None:
    assert "which is not stored: unset ACME_TOKEN" in run("disconnect", "acme").out
    assert not acme.requests
