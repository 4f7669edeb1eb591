"""Tests of `settings.deployment.secret`."""

from __future__ import annotations

import pytest

from amocrm_assets.errors import NotAuthorised
from amocrm_assets.settings import secret


@pytest.mark.parametrize("value", ['"MARKED-token"', "'MARKED-token'", ' "MARKED-token"\n', '""', '"', "token'"])
def test_a_value_in_quotation_marks_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(NotAuthorised, match="quotation marks") as refused:
        secret("ACME_TOKEN", {"ACME_TOKEN": value})
    assert "ACME_TOKEN" in str(refused.value)
    assert "MARKED" not in str(refused.value)


@pytest.mark.parametrize("environment", [{}, {"ACME_TOKEN": ""}, {"ACME_TOKEN": " \n"}])
def test_a_missing_value_is_told_with_its_name(environment: dict[str, str]) -> None:
    with pytest.raises(NotAuthorised) as refused:
        secret("ACME_TOKEN", environment)
    assert refused.value.cause == "ACME_TOKEN is not set."


@pytest.mark.parametrize("value", ["token", 'to"ken', "it's"])
def test_any_other_value_is_taken_as_it_is(value: str) -> None:
    assert secret("ACME_TOKEN", {"ACME_TOKEN": f" {value}\n"}) == value
