"""Errors name the source, its file and commands that can be copied; without a source they stay general."""

from __future__ import annotations

from amocrm_assets.crm.http.error_context import NO_CONTEXT, ErrorContext, renewal
from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.crm.authorisation.sources import OAUTH


def test_the_words_of_a_source() -> None:
    context = ErrorContext(source())

    assert context.subdomain == "sandbox"
    assert context.file == "the defs.yaml of sandbox"
    assert context.check == "`amocrm-assets check sandbox`"
    assert context.run == "`amocrm-assets run sandbox --missing`"
    assert context.operation("/api/v4/leads") == "Asking amoCRM for /api/v4/leads of sandbox"
    assert context.renewal == renewal(source())


def test_the_words_without_a_source() -> None:
    assert NO_CONTEXT.subdomain is None
    assert NO_CONTEXT.file == "the source's defs.yaml"
    assert NO_CONTEXT.check == "`amocrm-assets check SOURCE`"
    assert NO_CONTEXT.run == "`amocrm-assets run SOURCE --missing`"
    assert NO_CONTEXT.operation("/api/v4/leads") == "Asking amoCRM for /api/v4/leads"
    assert "`amocrm-assets connect SOURCE`" in NO_CONTEXT.renewal


def test_the_authorisation_is_renewed_by_connecting_or_by_a_new_token() -> None:
    assert "AMOCRM_SANDBOX_TOKEN, for sandbox" in renewal(source())
    assert renewal(source(access_token_env=None, oauth=OAUTH)) == "Run `amocrm-assets connect sandbox`."
