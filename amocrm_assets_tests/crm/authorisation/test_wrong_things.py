"""Each wrong thing has a message of its own with its fix: the table of docs/connecting.md, made to happen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.consent import Consent
from amocrm_assets.errors import AmoCrmAssetsError, AmoCrmUnavailable
from amocrm_assets.sandbox import Fault
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.crm.authorisation.life import TOKENS, Life
from amocrm_assets_tests.crm.authorisation.sources import OAUTH
from amocrm_assets_tests.crm.authorisation.tokens import jwt

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind

PAGE = Path(__file__).parents[3] / "docs/connecting.md"
NINETY_DAYS = 90 * 86400


def table() -> dict[str, tuple[str, str]]:
    """The rows of the page's last table: what is wrong → what is said, the fix."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if "|" in line]
    start = rows.index(["wrong", "said", "fix"])
    return {row[0]: (row[1], row[2].replace("SOURCE", "acme")) for row in rows[start + 2 :]}


def variable_not_set(life: Life, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("ACME_SECRET")
    life.connect()


def long_lived(life: Life, environment: pytest.MonkeyPatch, token: str, url: str | None = None) -> None:
    environment.setenv("ACME_TOKEN", token)
    settings = {"subdomain": "acme", "base_url": url, "access_token_env": "ACME_TOKEN", "start_date": "2026-01-01"}
    life.source = SourceSettings.model_validate(settings)
    life.run()


def revoked_long_lived(life: Life, environment: pytest.MonkeyPatch) -> None:
    token = life.sandbox.token
    life.sandbox.tokens.revoke()
    long_lived(life, environment, token, life.sandbox.url)


def wrong_secret(life: Life, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ACME_SECRET", "another")
    life.connect()


def other_redirect(life: Life, _: pytest.MonkeyPatch) -> None:
    life.sandbox.configure(redirect_uri="https://acme.example/callback")
    life.connect()


def expired_code(life: Life, _: pytest.MonkeyPatch) -> None:
    code = life.sandbox.tokens.code()
    life.sandbox.clock.advance(20 * 60 + 1)
    life.connect(code)


def used_code(life: Life, _: pytest.MonkeyPatch) -> None:
    code = life.sandbox.tokens.code()
    life.connect(code)
    life.connect(code)


def pasted(address: str) -> None:
    Consent(life_source(), client_id="i", redirect_uri=OAUTH.redirect_uri, state="ours").code_in(address)


def life_source() -> SourceSettings:
    return SourceSettings(subdomain="acme", oauth=OAUTH, start_date="2026-01-01")


def other_account(life: Life, _: pytest.MonkeyPatch) -> None:
    life.sandbox.configure(subdomain="other")
    life.connect()


def revoked(life: Life, _: pytest.MonkeyPatch) -> None:
    life.connect()
    life.sandbox.tokens.revoke()
    life.run()


def unused(life: Life, _: pytest.MonkeyPatch) -> None:
    life.connect()
    life.sandbox.clock.advance(NINETY_DAYS)
    life.run()


def lost_answer(life: Life, _: pytest.MonkeyPatch) -> None:
    life.connect()
    life.sandbox.configure(access_token_requests=0, faults=(Fault("lost", path=TOKENS, times=1),))
    with pytest.raises(AmoCrmUnavailable):
        life.run()
    life.run()


def other_integration(life: Life, environment: pytest.MonkeyPatch) -> None:
    life.connect()
    environment.setenv("ACME_ID", "integration-2")
    life.run()


def damaged(life: Life, _: pytest.MonkeyPatch) -> None:
    life.connect()
    Path(life.store.place).write_bytes(b"{")
    life.run()


def renamed(life: Life, _: pytest.MonkeyPatch) -> None:
    life.connect()
    life.sandbox.configure(renamed_to="new-name")
    life.run()


def fault(kind: FaultKind) -> Callable[[Life, pytest.MonkeyPatch], None]:
    def run(life: Life, _: pytest.MonkeyPatch) -> None:
        life.connect()
        life.sandbox.configure(faults=(Fault(kind),))
        life.run()

    return run


WRONG: dict[str, Callable[[Life, pytest.MonkeyPatch], object]] = {
    "variable not set": variable_not_set,
    "value in quotation marks": lambda life, env: long_lived(life, env, '"token"'),
    "value is no token": lambda life, env: long_lived(life, env, "Bearer x"),
    "long-lived token expired": lambda life, env: long_lived(life, env, jwt(exp=1)),
    "long-lived token of another zone": lambda life, env: long_lived(life, env, jwt(base_domain="kommo.com")),
    "long-lived token revoked": revoked_long_lived,
    "not connected": lambda life, _: life.run(),
    "wrong secret": wrong_secret,
    "redirect that differs": other_redirect,
    "expired code": expired_code,
    "used code": used_code,
    "no code at all": lambda life, _: life.connect("code"),
    "answer to another consent": lambda *_: pasted("http://127.0.0.1/?code=c&state=theirs"),
    "consent refused": lambda *_: pasted("http://127.0.0.1/?error=access_denied&state=ours"),
    "other account": other_account,
    "revoked token": revoked,
    "refresh token unused for three months": unused,
    "killed while refreshing, or answer lost": lost_answer,
    "tokens of another integration": other_integration,
    "stored tokens damaged": damaged,
    "account renamed": renamed,
    "unpaid account": fault("402"),
    "IP block": fault("403-html"),
    "missing rights": fault("403-json"),
}


def test_the_page_lists_every_wrong_thing() -> None:
    assert list(table()) == list(WRONG)


@pytest.mark.parametrize("wrong", WRONG)
def test_each_wrong_thing_says_what_the_page_says(
    wrong: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AmoCrmAssetsError) as caught:
        WRONG[wrong](Life(sandbox, tmp_path), monkeypatch)
    message, fix = table()[wrong]
    assert re.search(re.escape(message).replace("NAME", r"ACME_\w+"), str(caught.value))
    assert re.search(re.escape(fix).replace("NAME", r"ACME_\w+"), str(caught.value))


def test_no_two_wrong_things_say_the_same() -> None:
    message = [row[0] for row in table().values()]
    assert len(set(message)) == len(message)
