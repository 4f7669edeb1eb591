"""What a source asks for: names that are dropped, names that are hashed, and the key.

Names are compared without regard to letter case: of two that differ by case alone it is safer to treat both.
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

# Properties that hold what a kind is called after, in records, users and notes. The custom fields of a kind are
# those whose code is its name.
KINDS: Mapping[str, frozenset[str]] = {
    "phone": frozenset({"phone", "phone_number"}),
    "email": frozenset({"email"}),
    "name": frozenset({"name", "first_name", "last_name", "middle_name", "call_responsible", "director"}),
}
KIND_OF = {name: kind for kind, properties in KINDS.items() for name in properties}
Dropped = Literal["drop"]


@dataclass(frozen=True)
class PrivacyRules:
    """Names that are dropped and names that are hashed, all folded.

    `hashed` says whether a name is hashed without the key. `phone_region` is where numbers without a country code
    are from. `only_chosen`: custom fields that the source does not choose are dropped. What bears a name of
    `hashed_before` is hashed already, whatever other name it bears.
    """

    dropped: frozenset[str] = frozenset()
    hashed: Mapping[str, bool] = field(default_factory=dict)
    only_chosen: bool = False
    phone_region: str = "RU"
    key: bytes | None = field(default=None, repr=False)
    hashed_before: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.dropped or self.hashed or self.only_chosen)

    def of(self, names: Iterable[str], *, kind: str | None = None) -> Dropped | Hasher | None:
        """What is done with something that bears these names, folded ones; dropping is stronger."""
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
        """What is done with a property of a record or of anything within it."""
        folded = name.casefold()
        kind = KIND_OF.get(folded)
        return self.of({folded} if kind is None else {folded, kind}, kind=kind)

    def beyond(self, dropped: Iterable[str], hashed: Iterable[str]) -> PrivacyRules:
        """What remains to be done with records that were treated like this when they were captured."""
        before = {*dropped, *hashed}
        return replace(
            self,
            dropped=self.dropped - set(dropped),
            hashed={name: plain for name, plain in self.hashed.items() if name not in before},
            hashed_before=frozenset(hashed),
            only_chosen=False,  # rows choose by themselves, and their choice may have been another one then
        )


def rules_of(source: SourceSettings, key: bytes | None) -> PrivacyRules:
    """What a source asks for. `key` is the deployment's, see `settings.hash_key`."""
    return PrivacyRules(
        dropped=frozenset(str(name).casefold() for name in source.drop_fields),
        hashed={str(each.field).casefold(): each.plain_sha256 for each in map(hash_field, source.hash_fields)},
        only_chosen=source.store_only_chosen,
        phone_region=source.phone_region,
        key=key,
    )


def fingerprint(key: bytes | None) -> str | None:
    """What tells a key from others and does not tell the key."""
    if key is None:
        return None
    return hmac.digest(key, b"amocrm-assets fingerprint of a key", "sha256").hex()[:16]
