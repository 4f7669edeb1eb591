"""One person is one hash, however a number or an address is spelled, and a hash names nobody."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from amocrm_assets.privacy.hashing import Hasher, normalised
from amocrm_assets.privacy.rules import fingerprint

KEY = b"a key of more than sixteen bytes"


@pytest.mark.parametrize(
    ("text", "region", "digits"),
    [
        ("+7 (916) 555-01-23", "RU", "79165550123"),
        ("8 916 555 01 23", "RU", "79165550123"),
        ("916-555-01-23", "RU", "79165550123"),
        ("тел. +7.916.555.01.23", "RU", "79165550123"),
        ("0079165550123", "DE", "79165550123"),
        ("8 701 555 01 23", "KZ", "77015550123"),
        ("+49 30 1234567 доб. 12", "RU", "49301234567x12"),
        ("112", "RU", "112"),
        ("٠٩١٦", "RU", "0916"),
    ],
)
def test_all_spellings_of_a_phone_are_its_digits_with_the_country_code(
    text: str, region: str, digits: str
) -> None:
    assert normalised(text, "phone", region=region) == digits


def test_other_texts_lose_letter_case_spaces_and_unicodes_variants() -> None:
    assert normalised("  Marfa@Mail.EXAMPLE ", "email") == "marfa@mail.example"
    assert normalised("Марфа \u00a0 ПЕТРОВНА", "name") == "марфа петровна"
    assert normalised("по запросу", "phone") == "по запросу"


def test_a_hash_is_hmac_sha256_of_the_normalised_text() -> None:
    wanted = hmac.new(KEY, b"79165550123", hashlib.sha256).hexdigest()
    assert Hasher("phone", KEY).hash("8 (916) 555-01-23") == Hasher("phone", KEY).hash(79165550123) == wanted
    assert Hasher("phone", KEY[:-1]).hash("8 (916) 555-01-23") != wanted


def test_plain_sha256_is_what_advertising_platforms_match() -> None:
    wanted = hashlib.sha256(b"marfa@mail.example").hexdigest()
    assert Hasher("email", None).hash("Marfa@mail.example") == wanted


def test_a_fingerprint_tells_keys_apart_and_does_not_hold_them() -> None:
    first, second = fingerprint(KEY), fingerprint(KEY + b"!")
    assert first is not None
    assert first != second
    assert KEY.decode() not in first
    assert KEY.decode() not in repr(Hasher("phone", KEY))
