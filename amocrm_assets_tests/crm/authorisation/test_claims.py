"""Tests of `crm.authorisation.claims`."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.authorisation.claims import MAX_UNIX_SECONDS, Claims, is_foreign, read_claims
from amocrm_assets_tests.crm.authorisation.tokens import jwt


def test_the_claims_of_a_token_are_read() -> None:
    token = jwt(account_id=7, sub="12", exp=1_800_000_000, base_domain="amocrm.ru", scopes=["crm"])
    assert read_claims(token) == Claims(
        account_id=7, user_id="12", expires_at=1_800_000_000, base_domain="amocrm.ru"
    )


@pytest.mark.parametrize(
    "payload", ["", "e30", "W10", "bm8", "\xe9", "e3", "WzF", 100_000 * "W1tb"], ids=lambda text: ascii(text[:8])
)
@pytest.mark.parametrize("form", ["{}", "a.{}", "a.{}.b", "a.{}.b.c"])
def test_a_text_that_is_nearly_a_jwt_has_no_claims(form: str, payload: str) -> None:
    assert read_claims(form.format(payload)) == Claims()


@pytest.mark.parametrize("parts", [2, 4])
def test_only_three_parts_are_a_jwt(parts: int) -> None:
    token = jwt(account_id=7)
    header, payload, signature = token.split(".")

    assert read_claims(token).account_id == 7
    assert read_claims(".".join([header, payload, signature, "more"][:parts])) == Claims()


def test_each_claim_is_read_from_its_own_name() -> None:
    token = jwt(account_id="7", sub=12, exp=0, base_domain="amocrm.ru", api_domain="api-b.amocrm.ru")

    assert read_claims(token) == Claims(
        account_id=7, user_id="12", expires_at=0, base_domain="amocrm.ru", api_domain="api-b.amocrm.ru"
    )
    assert read_claims(jwt(sub=True, base_domain=1.5)) == Claims()


@pytest.mark.slow
@given(st.one_of(st.text(), st.binary().map(lambda raw: f"a.{raw.hex()}.b")))
def test_a_token_that_is_no_jwt_has_no_claims(token: str) -> None:
    assert read_claims(token) == Claims()


@pytest.mark.parametrize(
    ("base_domain", "url", "foreign"),
    [
        ("kommo.com", "https://acme.amocrm.ru", True),
        ("amocrm.ru", "https://acme.kommo.com", True),
        ("kommo.com", "https://acme.amocrm.com", False),
        ("amocrm.ru", "https://acme.amocrm.ru", False),
        ("amocrm.ru", "http://127.0.0.1:8901", False),
        (None, "https://acme.amocrm.ru", False),
    ],
)
def test_a_token_of_another_zone_is_foreign(base_domain: str | None, url: str, *, foreign: bool) -> None:
    assert is_foreign(Claims(base_domain=base_domain), url) is foreign


@pytest.mark.parametrize(
    ("exp", "read"),
    [
        (1.8e9, 1_800_000_000),
        ("1800000000", 1_800_000_000),
        (MAX_UNIX_SECONDS, MAX_UNIX_SECONDS),
        (MAX_UNIX_SECONDS + 1, None),
        (1e300, None),
        (10**40, None),
        (-1, None),
        (True, None),
        ("soon", None),
        ([], None),
        (None, None),
    ],
)
def test_a_strange_claim_leaves_the_others(exp: object, read: int | None) -> None:
    claims = read_claims(jwt(account_id=7, exp=exp, base_domain="kommo.com"))
    assert claims == Claims(account_id=7, expires_at=read, base_domain="kommo.com")


def test_a_claim_that_is_no_utf_8_leaves_the_others() -> None:
    payload = base64.urlsafe_b64encode(b'{"account_id":7,"sub":"\xff\xfe"}').decode().rstrip("=")

    assert read_claims(f"a.{payload}.b") == Claims(account_id=7)
