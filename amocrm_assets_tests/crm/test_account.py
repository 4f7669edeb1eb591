"""Tests of `crm.account` on answers that the sandbox never gives."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.account import account_of


@pytest.mark.parametrize(
    ("body", "user_id"),
    [({}, None), ({"current_user_id": 12}, 12), ({"current_user_id": "12"}, 12), ({"current_user_id": "x"}, None)],
)
def test_the_user_of_an_account_is_a_number_or_unknown(body: dict[str, object], user_id: int | None) -> None:
    """Another type would be stored with the tokens, and the stored tokens would count as damaged."""
    assert account_of({"id": 7, **body}).current_user_id == user_id
