"""Which custom fields the rules apply to: by name, code or id, in the record or in the account's list of fields.

A field that cannot be identified is dropped: it may be one that must not be stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.privacy.hashing import Hasher
from amocrm_assets.privacy.rules import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from amocrm_assets.privacy.rules import Dropped, PrivacyRules

    Definitions = Sequence[Mapping[str, Any]]
    Choice = Sequence[str | int] | None


class FieldRules:
    """The rule for each custom field of an account."""

    def __init__(self, rules: PrivacyRules, defined: Iterable[tuple[Definitions, Choice]]) -> None:
        """`defined` are the lists of fields of each kind of record, with the ones that the source selects."""
        self._rules = rules
        self._names: dict[str, set[str]] = {}
        self._chosen: set[str] = set()
        self._chooses = False
        for definitions, chosen in defined:
            self._learn(definitions, chosen)
        self._known: dict[tuple[str | None, ...], Dropped | Hasher | None] = {}

    def of(self, field_id: object, name: object = None, code: object = None) -> Dropped | Hasher | None:
        """The rule for a field by its id, name and code in a record."""
        key = (_text(field_id), _text(name), _text(code))
        if key not in self._known:
            self._known[key] = self._rule_of(*key)
        return self._known[key]

    def _rule_of(self, field_id: str | None, name: str | None, code: str | None) -> Dropped | Hasher | None:
        called = {each.casefold() for each in (name, code) if each}
        called |= self._names.get(field_id or "", set())
        if not called or (self._rules.only_chosen and self._chooses and not self._is_chosen(field_id, name, code)):
            return "drop"
        if field_id:
            called.add(field_id)
        return self._rules.of(called, kind=next((kind for kind in KINDS if kind in called), None))

    def _is_chosen(self, field_id: str | None, name: str | None, code: str | None) -> bool:
        return not {field_id, name, code}.isdisjoint(self._chosen)

    def _learn(self, definitions: Definitions, chosen: Choice) -> None:
        wanted = None if chosen is None else {str(each) for each in chosen}
        self._chooses = self._chooses or chosen is not None
        for field in definitions:
            field_id, name, code = (_text(field.get(key)) for key in ("id", "name", "code"))
            if field_id is None:
                continue
            names = {each for each in (name, code) if each}
            self._names.setdefault(field_id, {field_id}).update(each.casefold() for each in names)
            if wanted is None or not wanted.isdisjoint({field_id, *names}):
                self._chosen.add(field_id)
        self._chosen |= wanted or set()


def _text(value: object) -> str | None:
    """A name as text, an id as its digits; None for anything else."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if type(value) is int else None
