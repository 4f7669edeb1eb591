"""The privacy rules of a source: names to drop, names to hash, and the key.

Names are compared case-insensitively: if two differ by case alone, it is safer to apply the rule to both.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from amocrm_assets.privacy.hashing import Hasher
from amocrm_assets.settings import hash_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amocrm_assets.settings import SourceSettings

# The properties of each kind in records, users and notes. The custom fields of a kind are those whose code is its
# name.
KINDS: Mapping[str, frozenset[str]] = {
    "phone": frozenset({"phone", "phone_number"}),
    "email": frozenset({"email"}),
    "name": frozenset({"name", "first_name", "last_name", "middle_name", "call_responsible", "director"}),
}
KIND_OF = {name: kind for kind, properties in KINDS.items() for name in properties}
Dropped = Literal["drop"]


@dataclass(frozen=True)
class PrivacyRules:
    """Names to drop and names to hash, all case-folded.

    `hashed` says whether a name is hashed without the key. `phone_region` is the country of numbers without
    country code. `only_chosen`: custom fields that the source does not select are dropped. Values with a name in
    `hashed_before` are already hashed, whatever their other names are.
    """

    dropped: frozenset[str] = frozenset()
    hashed: Mapping[str, bool] = field(default_factory=dict)
    only_chosen: bool = False
    phone_region: str = "RU"
    key: bytes | None = field(default=None, repr=False)
    hashed_before: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there are any rules."""
        return bool(self.dropped or self.hashed or self.only_chosen)

    def of(self, names: Iterable[str], *, kind: str | None = None) -> Dropped | Hasher | None:
        """The rule for something with these case-folded names; dropping has priority."""
        called = set(names)
        if not called.isdisjoint(self.dropped):
            return "drop"
        if not called.isdisjoint(self.hashed_before):
            return None
        for name in sorted(called):
            if name in self.hashed:
                key = None if self.hashed[name] else self.key
                return Hasher(kind or (name if name in KINDS else None), key, self.phone_region)
        return None

    def of_property(self, name: str) -> Dropped | Hasher | None:
        """The rule for a property of a record or of an object in it."""
        folded = name.casefold()
        kind = KIND_OF.get(folded)
        return self.of({folded} if kind is None else {folded, kind}, kind=kind)

    def beyond(self, dropped: Iterable[str], hashed: Iterable[str]) -> PrivacyRules:
        """The remaining rules for records that were captured with these."""
        before = {*dropped, *hashed}
        return replace(
            self,
            dropped=self.dropped - set(dropped),
            hashed={name: plain for name, plain in self.hashed.items() if name not in before},
            hashed_before=frozenset(hashed),
            only_chosen=False,  # rows select fields themselves, and the selection may have been different then
        )


def rules_of(source: SourceSettings, key: bytes | None) -> PrivacyRules:
    """The rules of a source. `key` is the deployment's, see `settings.hash_key`."""
    return PrivacyRules(
        dropped=frozenset(str(name).casefold() for name in source.drop_fields),
        hashed={str(each.field).casefold(): each.plain_sha256 for each in map(hash_field, source.hash_fields)},
        only_chosen=source.store_only_chosen,
        phone_region=source.phone_region,
        key=key,
    )


def fingerprint(key: bytes | None) -> str | None:
    """Identifies a key without revealing it."""
    if key is None:
        return None
    return hmac.digest(key, b"amocrm-assets fingerprint of a key", "sha256").hex()[:16]
