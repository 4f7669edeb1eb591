"""Tests of `crm.authorisation.long_lived`."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.authorisation import expiry_warning, open_authorisation
from amocrm_assets.crm.authorisation.long_lived import LongLivedToken
from amocrm_assets.errors import NotAuthorised
from amocrm_assets.settings import Deployment, SourceSettings
from amocrm_assets_tests.crm.authorisation.tokens import jwt

NOW = 1_790_000_000
DAY = 86400
SOURCE = SourceSettings(subdomain="acme", access_token_env="ACME_TOKEN", start_date="2026-01-01")


def authorisation(monkeypatch: pytest.MonkeyPatch, token: str) -> LongLivedToken:
    monkeypatch.setenv("ACME_TOKEN", token)
    return LongLivedToken(SOURCE, now=lambda: NOW)


def test_the_token_and_its_end_come_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    token = jwt(exp=NOW + DAY, base_domain="amocrm.ru")
    held = authorisation(monkeypatch, token)
    assert held.token() == token
    assert held.expires_at() == NOW + DAY


def test_an_opaque_token_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    held = authorisation(monkeypatch, "opaque")
    assert (held.token(), held.expires_at()) == ("opaque", None)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    with pytest.raises(NotAuthorised, match="Set ACME_TOKEN for the process"):
        LongLivedToken(SOURCE).token()


@pytest.mark.parametrize(
    "value", ["Bearer MARKED", '"MARKED"', "'MARKED'", '"MARKED"\nx', "MARKED\u200b", "MARKЕD"]
)
def test_a_value_that_is_no_token_is_not_sent_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    with pytest.raises(
        NotAuthorised, match=r"Put the token alone into ACME_TOKEN|Write ACME_TOKEN without quotation marks"
    ) as caught:
        authorisation(monkeypatch, value).token()
    assert "MARK" not in str(caught.value)


def test_an_expired_token_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAuthorised, match=r"expired on 2026-09-21 14:13 UTC.*Make a new one"):
        authorisation(monkeypatch, jwt(exp=NOW - 1)).token()


@pytest.mark.parametrize("exp", [NOW, NOW - 0.5, float(NOW - DAY), str(NOW - 1)])
def test_an_end_that_is_past_or_no_integer_ends_the_token_all_the_same(
    monkeypatch: pytest.MonkeyPatch, exp: object
) -> None:
    held = authorisation(monkeypatch, jwt(exp=exp, account_id=7))
    with pytest.raises(NotAuthorised, match=r"for acme: it expired on .*Make a new one") as caught:
        held.token()
    assert caught.value.facts["source"] == "acme"


@pytest.mark.parametrize("exp", [10**40, 1e300, -5, "soon", {}])
def test_an_end_that_is_no_time_leaves_the_other_claims(monkeypatch: pytest.MonkeyPatch, exp: object) -> None:
    held = authorisation(monkeypatch, jwt(exp=exp, account_id=7, base_domain="amocrm.ru"))
    assert (held.expires_at(), held.connected_as()) == (None, "a long-lived token (id 7)")
    foreign = authorisation(monkeypatch, jwt(exp=exp, base_domain="kommo.com"))
    with pytest.raises(NotAuthorised, match=r"for acme: it is a token of kommo\.com"):
        foreign.token()


def test_a_token_of_another_zone_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAuthorised, match=r"token of kommo\.com, but the account is at https://acme\.amocrm"):
        authorisation(monkeypatch, jwt(exp=NOW + DAY, base_domain="kommo.com")).token()


def test_a_second_attempt_has_the_token_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    held = authorisation(monkeypatch, "first")
    assert held.renew("first") == "first"
    monkeypatch.setenv("ACME_TOKEN", "second")
    assert held.renew("first") == "second"


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    token = jwt(exp=NOW - 1)
    held = authorisation(monkeypatch, token)
    with pytest.raises(NotAuthorised) as caught:
        held.token()
    assert token not in f"{held!r} {caught.value} {caught.value.facts}"


def test_the_settings_choose_the_kind() -> None:
    assert isinstance(open_authorisation(SOURCE, Deployment()), LongLivedToken)


@pytest.mark.parametrize(
    ("seconds_left", "warning"),
    [
        (15 * DAY, None),
        (14 * DAY, "The authorisation ends in 14 days."),
        (14 * DAY - 1, "The authorisation ends in 13 days."),
        (13 * DAY + 1, "The authorisation ends in 13 days."),
        (60, "The authorisation ends within a day."),
        (-1, "The authorisation has expired."),
    ],
)
def test_people_are_warned_from_two_weeks_before_the_end(seconds_left: int, warning: str | None) -> None:
    assert expiry_warning(NOW + seconds_left, now=NOW) == warning
    assert expiry_warning(None, now=NOW) is None
