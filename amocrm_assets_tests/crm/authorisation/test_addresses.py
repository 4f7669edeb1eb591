"""Tests of `crm.authorisation.addresses`."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.authorisation.addresses import account_of, platform_of
from amocrm_assets_tests.crm.authorisation.sources import source


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://acme.amocrm.ru", "acme"),
        ("https://Acme-New.amocrm.ru", "acme-new"),
        ("https://acme-new.kommo.com:443", "acme-new"),
        ("http://127.0.0.1:8901", "acme"),
        ("https://shop.example", "acme"),
    ],
)
def test_the_account_is_named_by_amocrms_address_and_elsewhere_by_the_settings(url: str, account: str) -> None:
    assert account_of(source(url)) == account
    assert account_of(source(url).model_copy(update={"subdomain": "ACME"})) == account


@pytest.mark.parametrize(
    ("host", "platform"),
    [
        ("acme.amocrm.ru", "amocrm.ru"),
        ("acme.amocrm.com", "kommo.com"),
        ("acme.kommo.com", "kommo.com"),
        ("kommo.com", "kommo.com"),
        ("evilamocrm.ru", None),
        ("amocrm.ru.example", None),
        ("", None),
    ],
)
def test_a_host_belongs_to_a_platform_by_its_last_labels(host: str, platform: str | None) -> None:
    assert platform_of(host) == platform
