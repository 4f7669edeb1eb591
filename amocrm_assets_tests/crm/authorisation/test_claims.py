"""Tests of `crm.authorisation.claims`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.authorisation.claims import Claims, is_foreign, read_claims
from amocrm_assets_tests.crm.authorisation.tokens import jwt


def test_the_claims_of_a_token_are_read() -> None:
    token = jwt(account_id=7, sub="12", exp=1_800_000_000, base_domain="amocrm.ru", scopes=["crm"])
    assert read_claims(token) == Claims(
        account_id=7, user_id="12", expires_at=1_800_000_000, base_domain="amocrm.ru"
    )


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
        (1e300, None),
        (10**40, None),
        (-5, None),
        (True, None),
        ("soon", None),
        ([], None),
        (None, None),
    ],
)
def test_a_strange_claim_leaves_the_others(exp: object, read: int | None) -> None:
    claims = read_claims(jwt(account_id=7, exp=exp, base_domain="kommo.com"))
    assert claims == Claims(account_id=7, expires_at=read, base_domain="kommo.com")
