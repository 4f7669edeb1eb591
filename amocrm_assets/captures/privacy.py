"""Personal data in captures: records as they may be stored, the rules in the header, and older captures.

For how a record is changed see `privacy`. A capture from before a change of the settings contains what was
stored then; its readers get the records as a reading with the present settings would store them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures.finding import all_captures, read_header
from amocrm_assets.captures.forgotten import read_forgotten, without_tombstones
from amocrm_assets.captures.header import CapturedPrivacy
from amocrm_assets.entities.choices import fields_in
from amocrm_assets.entities.reference import LISTS
from amocrm_assets.json_bytes import without_property
from amocrm_assets.privacy import FieldRules, RecordFilter, fingerprint, rules_of
from amocrm_assets.settings import hash_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from amocrm_assets.captures.files import OpenCapture
    from amocrm_assets.captures.finding import CaptureFound
    from amocrm_assets.entities import Captured, Entity
    from amocrm_assets.privacy import PrivacyRules
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    FieldsByPath = Mapping[str, list[dict[str, Any]]]

# The lists of custom fields have the names of the source's attributes that select from them.
_FIELDS_LIST = "_custom_fields"
_FIELD_LISTS = {each.path: each.name for each in LISTS if each.name.endswith(_FIELDS_LIST)}
# The only reference list of people; records of the others have names that are not personal.
_PEOPLE = "users"


def privacy_of(source: SourceSettings) -> PrivacyRules:
    """The privacy rules of a source. Raises `SettingsError` if it hashes and there is no key."""
    return rules_of(source, hash_key(source.hash_fields))


def note_of(rules: PrivacyRules) -> CapturedPrivacy | None:
    """The rules that records are written with, for the header of their capture."""
    if not rules:
        return None
    return CapturedPrivacy(
        dropped=tuple(sorted(rules.dropped)), hashed=tuple(sorted(rules.hashed)), key=fingerprint(rules.key)
    )


def note_after(rules: PrivacyRules, before: CapturedPrivacy | None) -> CapturedPrivacy | None:
    """The rules for the header of records from `treated`, whose capture had `before`."""
    own = note_of(rules) or CapturedPrivacy()
    before = before or CapturedPrivacy()
    note = CapturedPrivacy(
        dropped=tuple(sorted({*before.dropped, *own.dropped})),
        hashed=tuple(sorted({*before.hashed, *own.hashed})),
        key=before.key or own.key,
    )
    return None if note == CapturedPrivacy() else note


def digest_of(rules: PrivacyRules) -> str:
    """A digest of rules and their key."""
    return sha256(repr((note_of(rules), sorted(rules.hashed.items()), rules.only_chosen)).encode()).hexdigest()


class RecordLines:
    """Records of an entity as they may be stored."""

    def __init__(self, entity: Entity, source: SourceSettings, storage: Storage | None = None) -> None:
        """Raises as `privacy_of` does, before any request. The list of forgotten people is in the `storage`."""
        self._forgotten = read_forgotten(storage, source.subdomain) if storage else None
        self._entity = entity
        self._source = source
        self._dropped = entity.choices.dropped(source)
        self._rules = privacy_of(source)
        self._filter: RecordFilter | None = None
        self.note = note_of(self._rules)

    @property
    def field_paths(self) -> tuple[str, ...]:
        """Paths of the lists of custom fields that are needed to interpret a record."""
        if self._entity.fields_path:
            return (self._entity.fields_path,)
        bears_changes = not self._entity.known_properties.isdisjoint({"value_before", "value_after"})
        return tuple(_FIELD_LISTS) if self._rules and bears_changes else ()

    def kept(self, line: bytes, fields: Callable[[], FieldsByPath]) -> list[bytes]:
        """A record's bytes, None if it is about a forgotten person; `fields` as in `written`."""
        if self._forgotten:
            found = self._forgotten.kept(self._entity.name, line)
            return [] if found is None else [self.written(found, fields)]
        return [self.written(line, fields)]

    def written(self, line: bytes, fields: Callable[[], FieldsByPath]) -> bytes:
        """A record's bytes; `fields` returns the account's lists of custom fields by their path."""
        line = reduce(without_property, self._dropped, line)
        return self._filter_by(fields())(line) if self._rules else line

    def definitions(self, fields: FieldsByPath) -> list[dict[str, Any]]:
        """The entity's own custom fields as the header may contain them."""
        own = fields.get(self._entity.fields_path or "", [])
        if self._forgotten:
            own = [self._forgotten.definition(each) for each in own]
        return [self._filter_by(fields).definition(each) for each in own] if self._rules else own

    def _filter_by(self, fields: FieldsByPath) -> RecordFilter:
        if self._filter is None:
            defined = [(found, self._choice(path)) for path, found in fields.items()]
            self._filter = RecordFilter(self._rules, FieldRules(self._rules, defined))
        return self._filter

    def _choice(self, path: str) -> Sequence[str | int] | None:
        if path == self._entity.fields_path:
            return self._entity.choices.fields(self._source)
        return fields_in(getattr(self._source, _FIELD_LISTS.get(path, ""), None))


class ListLines:
    """Records of reference lists as they may be stored."""

    def __init__(self, source: SourceSettings | None, rules: PrivacyRules) -> None:
        self._source = source
        self._rules = rules
        self._filters: dict[str, Callable[[bytes], bytes]] = {}

    def written(self, record_list: str, line: bytes) -> bytes:
        """A record's bytes; `record_list` is the name of its list."""
        if not self._rules:
            return line
        if record_list not in self._filters:
            self._filters[record_list] = self._filter_of(record_list)
        return self._filters[record_list](line)

    def _filter_of(self, record_list: str) -> Callable[[bytes], bytes]:
        has_fields = record_list.endswith(_FIELDS_LIST)
        choice = fields_in(getattr(self._source, record_list, None)) if has_fields else None
        filtered = RecordFilter(
            self._rules, FieldRules(self._rules, [([], choice)]), is_thing=record_list != _PEOPLE
        )
        return filtered.definition_line if has_fields else filtered


def treated(
    entity: Entity, source: SourceSettings, rules: PrivacyRules, captures: Iterable[OpenCapture]
) -> Iterator[OpenCapture]:
    """Captures with their records as a reading with the present settings would store them."""
    for each in captures:
        capture = replace(each, records=without_tombstones(each.records)) if each.header.forgotten else each
        missing = missing_rules(rules, capture.header.privacy)
        if not missing:
            yield capture
            continue
        defined = [(capture.header.fields, entity.choices.fields(source))]
        filtered = RecordFilter(missing, FieldRules(missing, defined))
        yield replace(capture, records=map(filtered, capture.records))


def key_of(entity: Captured, storage: Storage, captures: Iterable[CaptureFound]) -> str | None:
    """The fingerprint of the key that the newest of these captures was hashed with; None if it was not hashed."""
    newest = max(captures, key=lambda each: each.captured_at, default=None)
    note = read_header(entity, storage, newest.name).privacy if newest else None
    return note.key if note else None


def hash_key_state(entity: Captured, storage: Storage, source: SourceSettings) -> tuple[str | None, str | None]:
    """Fingerprints of the present key, and of the newest capture's. Raises as `privacy_of` does."""
    captures = all_captures(entity, storage, source.subdomain)
    return fingerprint(privacy_of(source).key), key_of(entity, storage, captures)


def missing_rules(rules: PrivacyRules, note: CapturedPrivacy | None) -> PrivacyRules:
    """The rules that were not applied when a capture was written."""
    before = note or CapturedPrivacy()
    return rules.beyond(before.dropped, before.hashed)
