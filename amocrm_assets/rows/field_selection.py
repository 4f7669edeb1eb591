"""Which custom fields a source imports, and which of them are system fields.

A chosen field is given by its name, code or id; comparison is case-sensitive, since two names may differ only in
case. Values of fields are not read here.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.json_values import boolean_of, integer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from amocrm_assets.rows.custom_fields import Field


class FieldSelection:
    """The fields that a source imports, matched against the custom fields in the headers of its captures."""

    def __init__(
        self, chosen: Sequence[str | int] | None, definitions: Iterable[Sequence[dict[str, Any]]]
    ) -> None:
        """`chosen` None means all fields. `definitions` come newest first; the newest `is_predefined` counts."""
        self._chosen = None if chosen is None else {str(choice) for choice in chosen}
        self._names: dict[int, set[str]] = {}
        self._is_system: dict[int | None, bool | None] = {}
        self._seen: set[str] = set()
        for field in (field for newest_first in definitions for field in newest_first):
            self._learn(field)
        # Cached: there are few different fields and many records.
        self.takes: Callable[[int | None, str | None, str | None], bool] = cache(self._is_chosen)
        self.is_system: Callable[[int | None], bool | None] = self._is_system.get

    def of(self, fields: list[Field]) -> list[Field]:
        """The fields of a record that are imported."""
        if self._chosen is None:
            return fields
        return [field for field in fields if self.takes(field.field_id, field.field_name, field.field_code)]

    def missing(self) -> dict[str, list[str]]:
        """Chosen fields that are in no definition and no record, each with similar names and codes."""
        known = self._seen.union(*self._names.values())
        folded = {name.casefold(): name for name in sorted(known)}
        return {
            choice: [folded[name] for name in get_close_matches(choice.casefold(), folded)]
            for choice in sorted(self._chosen or ())
            if choice not in known
        }

    def _is_chosen(self, field_id: int | None, name: str | None, code: str | None) -> bool:
        """Whether a record's field is imported, by its name in the record or in a definition."""
        called = {text for text in (name, code) if text}
        if field_id is not None:
            called |= {str(field_id)} | self._names.get(field_id, set())
        self._seen |= called
        return not called.isdisjoint(self._chosen or ())

    def _learn(self, field: dict[str, Any]) -> None:
        field_id = integer_of(field.get("id"))
        if field_id is not None:
            self._is_system.setdefault(field_id, boolean_of(field.get("is_predefined")))
            texts = {text for text in (field.get("name"), field.get("code")) if type(text) is str and text}
            self._names.setdefault(field_id, {str(field_id)}).update(texts)
