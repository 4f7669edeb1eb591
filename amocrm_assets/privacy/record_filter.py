"""Removes or hashes parts of a record of any structure, by the rules.

A line without anything to drop or hash does not change. What cannot be interpreted is dropped if it may be data
that must not be stored: a field without name and id, a record that is not JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from amocrm_assets.privacy.hashing import Hasher
from amocrm_assets.privacy.json_lines import decoded, decoded_shallow, encoded, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.privacy.fields import FieldRules
    from amocrm_assets.privacy.rules import Dropped, PrivacyRules

    Json = dict[str, Any]
    Treatment = Dropped | Hasher | None

# Things whose `name` is not personal: a stage, a tag, a product.
_THINGS = frozenset(
    {
        "account", "catalog_elements", "custom_fields", "group", "groups", "loss_reason", "loss_reasons",
        "pipelines", "role", "roles", "source", "statuses", "tag", "tags", "task_types", "users_groups",
    }
)  # fmt: skip
_CUSTOM_FIELDS = "custom_fields_values"
# Names of a field in a record, in an event, and in webhooks and links.
_FIELD_MARKS = frozenset({"field_id", "field_name", "field_code"})
# The properties of a hashed field, and of its values, that are not personal.
_PLAIN_PARTS = frozenset({"field_id", "field_name", "field_code", "field_type", "values", "text", "value"})
_OPTION_PARTS = frozenset({"enum_id", "enum_code", "enum"})
_EVENT_OF_FIELD = re.compile(r"custom_field_([0-9]+)_value_changed")
# Events about a field that their type does not name, and about the name of a lead, a contact, a company.
_EVENTS_OF_ANY = ("custom_field_value_changed", "name_field_changed")
_CHANGES = ("value_before", "value_after")
# The properties of a field's definition without values that users can select or have entered.
_DEFINITION_LISTS = (dict, list)


class RecordFilter:
    """Returns the bytes of a record that may be stored."""

    def __init__(self, rules: PrivacyRules, fields: FieldRules, *, is_thing: bool = False) -> None:
        """`is_thing`: records are not people, but have a `name`, such as pipelines."""
        self._rules = rules
        self._fields = fields
        self._is_thing = is_thing
        self._properties: dict[str, Treatment] = {}
        self._changed = False

    def __call__(self, line: bytes) -> bytes:
        """Filter one record. Never raises because of its content."""
        try:
            try:
                record, self._changed = decoded(line)
            except RecursionError:
                record, self._changed = decoded_shallow(line)
            self._event(record)
            self._value(record, is_thing=self._is_thing)
            return encoded(record) if self._changed else line
        except (ValueError, RecursionError):
            return unreadable(line)

    def definition(self, field: Json) -> Json:
        """A custom field of the account's list, without options if its values are dropped or hashed."""
        if self._fields.of(field.get("id"), field.get("name"), field.get("code")) is None:
            return field
        return {key: value for key, value in field.items() if not isinstance(value, _DEFINITION_LISTS)}

    def definition_line(self, line: bytes) -> bytes:
        """As `definition`, for the bytes of a field."""
        try:
            field, _ = decoded(line)
            kept = self.definition(field)
            return line if kept is field else encoded(kept)
        except (ValueError, RecursionError):
            return unreadable(line)

    def _value(self, value: Any, *, is_thing: bool = False) -> None:
        if type(value) is dict:
            self._object(value, is_thing=is_thing)
        elif type(value) is list:
            for each in self._kept(value):
                self._value(each, is_thing=is_thing)

    def _object(self, record: Json, *, is_thing: bool) -> None:
        known = self._properties
        for name, value in list(record.items()):
            treatment = known[name] if name in known else self._of_property(name)
            if treatment is not None and not (is_thing and name == "name"):
                self._treat(record, name, treatment)
            elif name == _CUSTOM_FIELDS:
                self._custom_fields(record)
            elif type(value) is dict and self._is_dropped_field(value):
                self._drop(record, name)
            elif type(value) is dict or type(value) is list:
                self._value(value, is_thing=name in _THINGS)

    def _of_property(self, name: str) -> Treatment:
        if name not in self._properties:
            self._properties[name] = self._rules.of_property(name)
        return self._properties[name]

    def _treat(self, record: Json, name: str, treatment: Treatment) -> None:
        if name == "call_responsible" and str(record[name]).isdigit():  # a user's id, not a name
            return
        if isinstance(treatment, Hasher) and not isinstance(record[name], dict):
            self._hash(record, name, treatment)
        else:
            self._drop(record, name)

    def _drop(self, record: Json, name: str) -> None:
        del record[name]
        self._changed = True

    def _hash(self, record: Json, name: str, hasher: Hasher) -> None:
        """Hash a text, a number, or the texts of a list; anything else is dropped."""
        value = record[name]
        if value is None or value in ("", []):
            return
        self._changed = True
        items = value if type(value) is list else [value]
        hashes = [hasher.hash(each) for each in items if type(each) in (str, int)]
        if hashes:
            record[name] = hashes if type(value) is list else hashes[0]
        else:
            del record[name]

    def _custom_fields(self, record: Json) -> None:
        fields = record[_CUSTOM_FIELDS]
        if fields in (None, [], {}):
            return
        if type(fields) is dict:  # PHP writes a list with gaps as an object of its numbers
            fields = record[_CUSTOM_FIELDS] = list(fields.values())
            self._changed = True
        if type(fields) is not list:
            self._drop(record, _CUSTOM_FIELDS)
            return
        for each in self._kept(fields, are_fields=True):
            self._value(each)

    def _kept(self, items: list[Any], *, are_fields: bool = False) -> Iterable[Any]:
        """The remaining items of a list, with hashed fields."""
        kept = [each for each in items if not self._is_dropped(each, is_field=are_fields)]
        if len(kept) < len(items):
            items[:] = kept
            self._changed = True
        return items

    def _is_dropped(self, item: Any, *, is_field: bool) -> bool:
        if type(item) is not dict:
            return is_field
        return self._is_dropped_field(item, is_field=is_field)

    def _is_dropped_field(self, item: Json, *, is_field: bool = False) -> bool:
        """Whether an item is a custom field to drop. One to hash is hashed in place."""
        if not is_field and _FIELD_MARKS.isdisjoint(item):
            return False
        treatment = self._fields.of(item.get("field_id"), item.get("field_name"), item.get("field_code"))
        if isinstance(treatment, Hasher):
            self._hash_field(item, treatment)
        return treatment == "drop"

    def _hash_field(self, field: Json, hasher: Hasher) -> None:
        self._changed = True
        options = frozenset[str]() if hasher.kind is None else _OPTION_PARTS
        for part in field.keys() - _PLAIN_PARTS - options:
            del field[part]
        for name in ("text", "value"):
            if name in field:
                self._treat(field, name, hasher)
        if "field_type" in field:
            field["field_type"] = "text"  # with another type the hash would be parsed as a date, or refused
        if "values" in field:
            values = field["values"]
            items = list(values.values()) if type(values) is dict else values if type(values) is list else []
            field["values"] = [_hashed_item(each, hasher, options) for each in items]

    def _event(self, event: Any) -> None:
        """The values of an event about a field or a name, in any structure."""
        kind = event.get("type") if type(event) is dict else None
        if type(kind) is not str or event.keys().isdisjoint(_CHANGES):
            return
        if named := _EVENT_OF_FIELD.fullmatch(kind):
            treatment = self._fields.of(int(named[1]))
        elif kind in _EVENTS_OF_ANY:
            treatment = "drop" if kind == "custom_field_value_changed" else self._of_property("name")
        else:
            return
        for name in _CHANGES:
            # A part that contains the id of its field is treated like any other field.
            if treatment is not None and not _names_its_fields(event.get(name)):
                event[name] = []
                self._changed = True


def _names_its_fields(changes: Any) -> bool:
    """Whether a part of an event contains only fields with ids."""
    return changes is None or (
        type(changes) is list
        and all(
            type(each) is dict and all(type(value) is dict and "field_id" in value for value in each.values())
            for each in changes
        )
    )


def _hashed_item(item: Any, hasher: Hasher, options: frozenset[str]) -> Json:
    """A value of a hashed field; what cannot be hashed is dropped."""
    value: Any = item.get("value") if type(item) is dict else item
    hashed = hasher.hash(value) if type(value) in (str, int) and value != "" else None
    kept = {name: item[name] for name in options & item.keys()} if type(item) is dict else {}
    return {"value": hashed, **kept}
