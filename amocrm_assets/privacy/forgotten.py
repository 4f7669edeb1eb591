"""Forgotten people: salted hashes of their identifiers, and whether a record is about one of them.

The list contains no phone, address or name, only hashes to compare with. Pure: for its storage see `captures`.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from amocrm_assets.privacy.hashing import Hasher, normalised, phone_digits
from amocrm_assets.privacy.json_lines import decoded, decoded_shallow, encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# A shorter text occurs in half of all records.
MIN_VALUE_CHARACTERS = 3
# Digits of the shortest number with an area code. A shorter one is a price, or the id of a stage.
MIN_PHONE_DIGITS = 7
# Names of numbers that are not personal: ids, and times.
_NUMBERS_OF_AMOCRM = ("_id", "_at", "_by")
_PHONE = re.compile(r"\+?\d[\d\s().–-]{5,}\d")
_AROUND_WORDS = ".,;:!?()[]{}<>\"'«»"
# The ending of the names of the account's lists of custom fields.
_FIELDS_LIST = "_custom_fields"
_KEPT_TEXTS = 65_536


@dataclass(frozen=True)
class Asked:
    """A request to forget a person: ids of records by kind (`contact`, …), and values such as a phone number."""

    ids: Mapping[str, Sequence[int]] = field(default_factory=dict)
    values: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class ForgottenList:
    """Entries `kind:digest`; the kind of a text is `text3` for one of three words. `region` is that of phones."""

    salt: bytes = field(repr=False)
    entries: frozenset[str] = frozenset()
    region: str = "RU"

    def __bool__(self) -> bool:
        """Whether the list has entries."""
        return bool(self.entries)

    def entries_of(self, asked: Asked, *, key: bytes | None) -> frozenset[str]:
        """The entries for a request. With the key for hashing, values are also added in their hashed forms."""
        found = {self._entry(kind, str(each)) for kind, ids in asked.ids.items() for each in ids}
        for value in asked.values:
            hashes = [
                Hasher(kind, way, self.region).hash(value) for kind in ("phone", None) for way in (key, None)
            ]
            found |= {self._text_entry(words) for each in (value, *hashes) if (words := _words(each))}
            digits = phone_digits(value, self.region) or ""
            if len(digits) >= MIN_PHONE_DIGITS:
                found.add(self._entry("phone", digits))
        return frozenset(found)

    def with_entries(self, entries: Iterable[str]) -> ForgottenList:
        """The list with additional entries."""
        return ForgottenList(self.salt, self.entries.union(entries), self.region)

    def kept(self, record_list: str, line: bytes) -> bytes | None:
        """The remaining form of a record; None if it is about a forgotten person.

        A record remains without a contact that is forgotten by its id.
        """
        try:
            try:
                record, _ = decoded(line)
            except RecursionError:
                record, _ = decoded_shallow(line)
        except (ValueError, RecursionError):
            return line
        if type(record) is not dict:
            return line
        if record_list.endswith(_FIELDS_LIST):
            left = self.definition(record)
            return line if left is record else encoded(left)
        changed = self._unlink(record)
        if self.is_about(record_list, record) or any(map(self.says, texts_of(record))):
            return None
        return encoded(record) if changed else line

    def definition(self, field: dict[str, Any]) -> dict[str, Any]:
        """A custom field of the account's list, without the options that contain a forgotten value."""
        lists = {name: value for name, value in field.items() if isinstance(value, list)}
        left = {
            name: [each for each in value if not any(map(self.says, texts_of(each)))]
            for name, value in lists.items()
        }
        return field if left == lists else field | left

    def is_about(self, record_list: str, record: dict[str, Any]) -> bool:
        """Whether a record of a list, or a row of what it became, is one that is forgotten by its id, or hangs on
        one.
        """
        linked = str(record.get("entity_type"))
        return self._holds(_kind(record_list), record.get("id")) or self._holds(
            _kind(linked), record.get("entity_id")
        )

    def says(self, text: str) -> bool:
        """Whether a text contains a forgotten value."""
        return bool(self._says(text))

    @cached_property
    def _says(self) -> Any:
        return lru_cache(_KEPT_TEXTS)(self._find)

    @cached_property
    def _lengths(self) -> frozenset[int]:
        kinds = (each.partition(":")[0] for each in self.entries)
        return frozenset(int(kind.removeprefix("text")) for kind in kinds if kind.startswith("text"))

    @cached_property
    def _has_phones(self) -> bool:
        return any(each.startswith("phone:") for each in self.entries)

    def _find(self, text: str) -> bool:
        words = _words(text) if self._lengths else []
        for length in self._lengths:
            for begin in range(len(words) - length + 1):
                if self._text_entry(words[begin : begin + length]) in self.entries:
                    return True
        found = _PHONE.findall(text) if self._has_phones else []
        return any(self._entry("phone", phone_digits(each, self.region) or "") in self.entries for each in found)

    def _unlink(self, record: dict[str, Any]) -> bool:
        embedded = record.get("_embedded")
        contacts = embedded.get("contacts") if isinstance(embedded, dict) else None
        if not isinstance(contacts, list):
            return False
        left = [
            each for each in contacts if not (isinstance(each, dict) and self._holds("contact", each.get("id")))
        ]
        changed = len(left) < len(contacts)
        contacts[:] = left
        return changed

    def _holds(self, kind: str, number: Any) -> bool:
        return self._entry(kind, str(number)) in self.entries

    def _text_entry(self, words: list[str]) -> str:
        return self._entry(f"text{len(words)}", " ".join(words))

    def _entry(self, kind: str, text: str) -> str:
        digest = hmac.digest(self.salt, f"{kind}:{text}".encode("utf-8", "surrogatepass"), "sha256")
        return f"{kind}:{digest.hex()}"


def texts_of(value: Any) -> Iterator[str]:
    """All texts and numbers in a value, at any depth; without names of properties and ids."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += (part for name, part in each.items() if not _is_number_of_amocrm(name, part))
        elif isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, str | int):
            yield str(each)


def _is_number_of_amocrm(name: object, value: Any) -> bool:
    return type(value) is int and (name == "id" or str(name).endswith(_NUMBERS_OF_AMOCRM))


def _kind(name: str) -> str:
    """The kind of a list's records, from its plural or singular name."""
    return name.removesuffix("s")


def to_json(forgotten: ForgottenList) -> bytes:
    """The list in its stored form."""
    return json.dumps(
        {"salt": forgotten.salt.hex(), "region": forgotten.region, "entries": sorted(forgotten.entries)}, indent=1
    ).encode()


def from_json(content: bytes) -> ForgottenList:
    """The stored list. Raises `ValueError` or `KeyError` for other content."""
    kept = json.loads(content)
    return ForgottenList(bytes.fromhex(kept["salt"]), frozenset(kept["entries"]), kept["region"])


def _words(text: str) -> list[str]:
    words = (each.strip(_AROUND_WORDS) for each in normalised(text, None).split())
    return [each for each in words if each]
