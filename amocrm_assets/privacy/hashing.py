"""Hashes values, normalised first, so that different spellings of a number or an address have the same hash.

HMAC-SHA-256 (RFC 2104) with the deployment's key, since phone numbers have so few digits that plain hashes can be
reversed by brute force. SHA-256 without a key is the form that advertising platforms accept.
"""

from __future__ import annotations

import hmac
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256

# The part of a phone field that is used; a number has up to 15 digits (E.164).
_MAX_PHONE_CHARACTERS = 250


@dataclass(frozen=True)
class Hasher:
    """Hashes values of a kind (`phone`, `email`, or any other text). `key` None: SHA-256 without a key."""

    kind: str | None
    key: bytes | None = field(repr=False)
    phone_region: str = "RU"

    def hash(self, value: str | int) -> str:
        """64 hexadecimal digits."""
        text = normalised(str(value), self.kind, region=self.phone_region).encode("utf-8", "surrogatepass")
        digest = sha256(text).digest() if self.key is None else hmac.digest(self.key, text, "sha256")
        return digest.hex()


def normalised(text: str, kind: str | None, *, region: str = "RU") -> str:
    """The normalised text of a value: for a phone, its digits with the country code, as E.164
    has them without `+`; other texts in Unicode's NFKC, lower case, with single spaces.
    """
    if kind == "phone":
        return phone_digits(text, region) or _folded(text)
    return _folded(text)


def phone_digits(text: str, region: str) -> str | None:
    """A phone number's digits with its country code; only its own digits if it is no possible number.

    None for a text without digits. An extension is a part of the number.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text[:_MAX_PHONE_CHARACTERS], region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        return "".join(str(unicodedata.digit(each)) for each in text if each.isdigit()) or None
    extension = f"x{number.extension}" if number.extension else ""
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{written.removeprefix('+')}{extension}"


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
