"""What of a record, of a reference list and of an older capture may be stored, for each kind of choice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import OpenCapture
from amocrm_assets.captures.forgotten import new_list, write_forgotten
from amocrm_assets.captures.header import CapturedPrivacy
from amocrm_assets.captures.privacy import ListLines, RecordLines, note_of, treated
from amocrm_assets.entities import CALLS, COMPANIES, CONTACTS, EVENTS, LEADS, TASKS, Choices
from amocrm_assets.privacy import PrivacyRules
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets_tests.rows.days import capture_header, source

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets.storage import Storage

PATH = "/api/v4/leads/custom_fields"
CONTACTS_PATH = "/api/v4/contacts/custom_fields"
COMPANIES_PATH = "/api/v4/companies/custom_fields"
CITY = {"id": 5, "name": "Город", "code": None, "enums": [{"id": 1, "value": "Тверь"}]}
PHONE = {"id": 6, "name": "Телефон", "code": "PHONE", "enums": [{"id": 2, "value": "+79165550123"}]}
FIELDS: dict[str, list[dict[str, Any]]] = {PATH: [CITY, PHONE]}
# As users write them in the list of chosen fields.
CHOSEN = [["Город"], [5], [{"field": "Город", "column": "city"}]]
DROPS_PHONES = PrivacyRules(dropped=frozenset({"phone"}))


def line_of(record: Any) -> bytes:
    return json.dumps(record).encode()


def record_of(*field_ids: int) -> bytes:
    return line_of({"id": 1, "custom_fields_values": [{"field_id": each, "values": []} for each in field_ids]})


def fields_in(line: bytes) -> list[int]:
    return [each["field_id"] for each in json.loads(line)["custom_fields_values"]]


def change_of(field_id: int) -> bytes:
    """An event about a field whose values do not name it."""
    kind = f"custom_field_{field_id}_value_changed"
    return line_of({"id": "e", "type": kind, "value_before": [], "value_after": [{"text": "new"}]})


def test_without_rules_a_header_has_no_note() -> None:
    assert note_of(PrivacyRules()) is None
    assert note_of(DROPS_PHONES) == CapturedPrivacy(dropped=("phone",))


def test_a_person_on_the_list_in_the_storage_is_in_no_record_and_no_option_of_a_field(storage: Storage) -> None:
    empty = new_list("RU")
    write_forgotten(storage, "acme", empty.with_entries(empty.entries_of(Asked(values=("Тверь",)), key=None)))
    other = line_of({"id": 2, "name": "Москва"})
    lines = RecordLines(LEADS, source(), storage)
    assert lines.kept(line_of({"id": 1, "name": "Тверь"}), dict) == []
    assert lines.kept(other, dict) == [other]
    assert lines.definitions(FIELDS) == [CITY | {"enums": []}, PHONE]
    # Without the storage, or with that of an account without a list, nobody is known.
    assert RecordLines(LEADS, source()).kept(line_of({"id": 1, "name": "Тверь"}), dict) != []
    assert RecordLines(LEADS, source(subdomain="other"), storage).definitions(FIELDS) == FIELDS[PATH]


@pytest.mark.parametrize(
    ("entity", "paths"), [(LEADS, (PATH,)), (CONTACTS, (CONTACTS_PATH,)), (TASKS, ()), (CALLS, ())]
)
@pytest.mark.parametrize("dropped", [[], ["phone"]])
def test_the_fields_of_its_own_list_are_needed_for_a_record_with_custom_fields(
    entity: Entity, paths: tuple[str, ...], dropped: list[str]
) -> None:
    assert RecordLines(entity, source(drop_fields=dropped)).field_paths == paths


@pytest.mark.parametrize(("dropped", "paths"), [([], ()), (["phone"], (PATH, CONTACTS_PATH, COMPANIES_PATH))])
def test_the_fields_of_all_lists_are_needed_for_an_event_if_there_are_rules(
    dropped: list[str], paths: tuple[str, ...]
) -> None:
    assert RecordLines(EVENTS, source(drop_fields=dropped)).field_paths == paths


def test_a_header_has_the_fields_of_its_own_list_and_no_options_of_a_dropped_field() -> None:
    fields = {CONTACTS_PATH: [{"id": 9, "name": "Другое"}], **FIELDS}
    assert RecordLines(LEADS, source()).definitions(fields) == [CITY, PHONE]
    bare = {name: value for name, value in PHONE.items() if name != "enums"}
    assert RecordLines(LEADS, source(drop_fields=["phone"])).definitions(fields) == [CITY, bare]
    assert RecordLines(TASKS, source()).definitions(fields) == []


@pytest.mark.parametrize("chosen", CHOSEN)
def test_only_chosen_fields_are_stored_in_records_and_only_their_changes_in_events(chosen: list[Any]) -> None:
    choosing = source(leads_custom_fields=chosen, store_only_chosen=True)
    assert fields_in(RecordLines(LEADS, choosing).written(record_of(5, 6), lambda: FIELDS)) == [5]

    events = RecordLines(EVENTS, choosing)
    assert events.written(change_of(5), lambda: FIELDS) == change_of(5)
    assert json.loads(events.written(change_of(6), lambda: FIELDS))["value_after"] == []


def test_the_own_fields_of_an_entity_are_chosen_by_the_setting_that_the_entity_names() -> None:
    renamed = replace(COMPANIES, choices=Choices(custom_fields="contacts_custom_fields"))
    choosing = source(contacts_custom_fields=["Город"], companies_custom_fields=["PHONE"], store_only_chosen=True)
    fields = {COMPANIES_PATH: [CITY, PHONE]}
    assert fields_in(RecordLines(renamed, choosing).written(record_of(5, 6), lambda: fields)) == [5]
    assert fields_in(RecordLines(COMPANIES, choosing).written(record_of(5, 6), lambda: fields)) == [6]


@pytest.mark.parametrize("chosen", CHOSEN)
def test_a_list_of_fields_has_options_of_chosen_fields_only(chosen: list[Any]) -> None:
    lines = ListLines(source(leads_custom_fields=chosen), PrivacyRules(only_chosen=True))
    city, phone = line_of(CITY), line_of(PHONE)
    assert lines.written("leads_custom_fields", city) == city
    assert "enums" not in json.loads(lines.written("leads_custom_fields", phone))
    # Nothing is chosen of the fields of contacts: all of them are stored.
    assert lines.written("contacts_custom_fields", phone) == phone


def test_a_list_of_fields_keeps_the_names_of_fields_and_users_lose_theirs() -> None:
    named = PrivacyRules(dropped=frozenset({"name"}))
    lines = ListLines(source(), named)
    record = line_of({"id": 3, "name": "Марфа"})
    kept = {each: lines.written(each, record) for each in ("users", "pipelines", "leads_custom_fields")}
    assert kept == {"users": b'{"id":3}', "pipelines": record, "leads_custom_fields": record}
    assert ListLines(source(), PrivacyRules()).written("users", b"no record") == b"no record"


def opened(*lines: bytes, **changed: Any) -> OpenCapture:
    return OpenCapture(capture_header(fields=[CITY, PHONE], **changed), iter(lines))


def treated_lines(rules: PrivacyRules, capture: OpenCapture) -> list[bytes]:
    (found,) = treated(LEADS, source(), rules, [capture])
    return list(found.records)


STONE, ODD = b'{"amocrm_assets_forgotten":"request"}', b'{"id":1,"id":2}'


def test_an_older_capture_is_read_without_tombstones_and_by_the_rules_that_it_lacks() -> None:
    record = record_of(5, 6)
    assert treated_lines(PrivacyRules(), opened(STONE, ODD, forgotten=1)) == [ODD]
    assert fields_in(treated_lines(DROPS_PHONES, opened(record))[0]) == [5]


def test_a_capture_that_lacks_no_rule_is_read_as_it_is() -> None:
    # Neither is a duplicate property removed, nor what only begins like a tombstone, if no header counts any.
    assert treated_lines(PrivacyRules(), opened(ODD, STONE)) == [ODD, STONE]
    assert treated_lines(DROPS_PHONES, opened(ODD, privacy=CapturedPrivacy(dropped=("phone",)))) == [ODD]
