"""What a source may say of personal data, and the key that hashing needs."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import HashField, SourceSettings, hash_key

TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"
GIVEN: dict[str, Any] = {"subdomain": "acme", "access_token_env": "TOKEN", "start_date": "2026-01-01"}


def test_names_codes_ids_and_kinds_are_taken() -> None:
    hashed: Any = ["phone", {"field": "email", "plain_sha256": True}]
    source = SourceSettings(**GIVEN, drop_fields=["name", "Паспорт", 73], hash_fields=hashed)
    assert source.drop_fields == ["name", "Паспорт", 73]
    assert source.hash_fields == ["phone", HashField(field="email", plain_sha256=True)]


def test_columns_of_any_table_and_of_custom_fields_may_have_policy_tags() -> None:
    columns = [
        "name",
        "sale",
        "custom_fields.values.value",
        "email",
        "status_name",
        "cf_73",
        "city",
        "role",
        "branch",
    ]
    given: Any = {
        "policy_tags": dict.fromkeys(columns, TAG),
        "leads_custom_fields": [{"field": 5, "column": "city"}],
        "contacts_custom_fields": [{"field": 6, "column": "role"}],
        "companies_custom_fields": [{"field": 7, "column": "branch"}],
    }
    assert list(SourceSettings(**GIVEN, **given).policy_tags) == columns


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"drop_fields": ["ID"]}, "'ID' cannot be dropped or hashed: rows need it"),
        ({"hash_fields": [{"field": "updated_at"}]}, "'updated_at' cannot be dropped or hashed"),
        ({"drop_fields": [""]}, "'' is not a field; write a name, a code or an id"),
        ({"hash_fields": ["phone", {"field": "Phone"}]}, "phone is repeated; keep one entry"),
        ({"drop_fields": ["phone"], "hash_fields": ["PHONE"]}, "phone is in drop_fields and in hash_fields"),
        ({"keep_captures_days": 0}, "0 is not a number of days"),
        (
            {"policy_tags": {"nmae": TAG}},
            "policy_tags contains 'nmae', but no table has such a column with values; did you mean name",
        ),
        ({"policy_tags": {"custom_fields": TAG}}, "policy_tags contains 'custom_fields', but no table"),
        ({"policy_tags": {"name": "policyTags/5"}}, "'policyTags/5' is not a policy tag; write projects/PROJECT/"),
        ({"store_only_chosen": True}, "store_only_chosen needs a list of custom fields"),
        ({"phone_region": "ru"}, "'ru' is not a country with phone numbers"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_fix(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        SourceSettings(**GIVEN, **given)


def test_without_hashed_fields_no_key_is_needed() -> None:
    assert hash_key([], {}) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [("", "is not set"), ("short", "has 5 characters"), ("'0123456789abcdef'", "quotation mark")],
)
def test_a_key_that_hashes_nothing_safely_is_refused(key: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=expected) as refused:
        hash_key(["phone"], {"AMOCRM_HASH_KEY": key})
    assert "openssl rand -hex 32" in str(refused.value)
    assert "0123456789abcdef" not in str(refused.value)
