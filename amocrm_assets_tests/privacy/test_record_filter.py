"""What is not to be stored is in no shape of a record, and everything else stays byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.privacy import FieldRules, PrivacyRules, RecordFilter
from amocrm_assets.privacy.hashing import Hasher
from amocrm_assets.rows.json_values import load_json
from amocrm_assets_tests.rows.any_json import JSON
from amocrm_assets_tests.rows.tasks_and_calls import call, task

KEY = b"a key of more than sixteen bytes"
MARK = "9165550123"
PHONE = f"+7{MARK}"
DEFINED = [
    {"id": 71, "name": "Телефон", "code": "PHONE", "type": "multitext"},
    {"id": 73, "name": "Паспорт", "code": None, "type": "text", "enums": [{"id": 1, "value": MARK}]},
    {"id": 74, "name": "Город", "code": None, "type": "text", "enums": [{"id": 2, "value": "Тверь"}]},
]
DROPPING = PrivacyRules(dropped=frozenset({"phone", "email", "name", "паспорт"}))
HASHING = PrivacyRules(hashed={"phone": False, "паспорт": False, "name": False}, key=KEY)


def filter_of(rules: PrivacyRules, *, is_thing: bool = False, chosen: Any = None) -> RecordFilter:
    return RecordFilter(rules, FieldRules(rules, [(DEFINED, chosen)]), is_thing=is_thing)


def line_of(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def field(field_id: Any, value: Any = PHONE, **more: Any) -> dict[str, Any]:
    return {"field_id": field_id, "field_type": "text", "values": [{"value": value}], **more}


CITY = {"field_id": 74, "field_name": "Город", "field_type": "text", "values": [{"value": "Тверь"}]}
SHAPES: dict[str, dict[str, Any]] = {
    "a property": {"phone": PHONE},
    "a property with capitals": {"Phone": PHONE},
    "a number": {"phone": int(f"7{MARK}")},
    "a list": {"phone": [PHONE, {"value": PHONE}]},
    "an object": {"phone": {"value": PHONE}},
    "a user": {"phone_number": PHONE, "name": MARK, "first_name": MARK, "last_name": MARK},
    "within": {"params": {"uniq": "1", "phone": PHONE, "call_responsible": MARK + " Marfa"}},
    "embedded": {"_embedded": {"contacts": [{"id": 1, "name": MARK, "custom_fields_values": [field(71)]}]}},
    "a field by its code": {"custom_fields_values": [field(1, field_code="PHONE"), CITY]},
    "a field by its name": {"custom_fields_values": [field(1, field_name="паспорт ")]},
    "a field by the account's list": {"custom_fields_values": [field(71), field(73, field_name="Документ")]},
    "an id as text": {"custom_fields_values": [field("71")]},
    "a field without anything": {"custom_fields_values": [{"values": [{"value": PHONE}]}]},
    "a field nobody knows": {"custom_fields_values": [field(999)]},
    "a field of an odd name": {"custom_fields_values": [field(None, field_name=[PHONE])]},
    "a field that is a text": {"custom_fields_values": [PHONE]},
    "fields that are a text": {"custom_fields_values": PHONE},
    "fields that PHP numbered": {"custom_fields_values": {"0": field(71), "2": CITY}},
    "an event": {"value_after": [{"custom_field_value": {"field_id": 71, "field_type": 8, "text": PHONE}}]},
    "an event by its type": {"type": "custom_field_71_value_changed", "value_after": [{"x": {"text": PHONE}}]},
    "an event of another shape": {"type": "custom_field_71_value_changed", "value_before": PHONE},
    "an event without a field": {"type": "custom_field_value_changed", "value_after": [{"x": {"text": PHONE}}]},
    "a new name": {"type": "name_field_changed", "value_after": [{"name_field_value": {"text": MARK}}]},
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["phone"], ["телефон"]),
        (["телефон"], ["phone"]),
        (["phone"], ["71", "phone_number"]),
        (["phone"], ["phone", "71"]),
        (["phone_number", "71"], ["phone"]),
    ],
)
def test_what_was_hashed_by_one_name_is_not_hashed_again_by_another(before: list[str], after: list[str]) -> None:
    first = PrivacyRules(hashed=dict.fromkeys(before, False), key=KEY)
    record = {"custom_fields_values": [field(71, field_name="Телефон", field_code="PHONE")], "phone_number": PHONE}
    captured = filter_of(first)(line_of(record))
    once = json.loads(captured)["custom_fields_values"]
    assert MARK not in str(once)

    now = PrivacyRules(hashed=dict.fromkeys(after, False), key=KEY).beyond((), before)
    treated = json.loads(filter_of(now)(captured))

    assert treated["custom_fields_values"] == once
    hashed = Hasher("phone", KEY).hash(PHONE)
    assert treated["phone_number"] == (hashed if {"phone", "phone_number"} & {*before, *after} else PHONE)


def test_what_was_hashed_can_be_dropped_later_and_other_fields_hashed() -> None:
    first = PrivacyRules(hashed={"phone": False}, key=KEY)
    captured = filter_of(first)(line_of({"custom_fields_values": [field(71), field(73)]}))
    now = PrivacyRules(dropped=frozenset({"телефон"}), hashed={"паспорт": False}, key=KEY).beyond((), ["phone"])
    (left,) = json.loads(filter_of(now)(captured))["custom_fields_values"]
    assert left["field_id"] == 73
    assert MARK not in str(left)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rules", [DROPPING, HASHING], ids=["dropped", "hashed"])
def test_a_value_is_gone_from_every_shape(rules: PrivacyRules, shape: dict[str, Any]) -> None:
    line = line_of({"id": 5, "updated_at": 9, **shape})
    assert MARK.encode() in line

    kept = filter_of(rules)(line)

    assert MARK.encode() not in kept
    assert {"id": 5, "updated_at": 9}.items() <= json.loads(kept).items()
    assert ("Тверь" in json.dumps(shape, ensure_ascii=False)) is ("Тверь" in str(json.loads(kept)))


@pytest.mark.parametrize("rules", [DROPPING, HASHING], ids=["dropped", "hashed"])
@pytest.mark.parametrize(
    "line",
    [
        b'{"id":5,"ph\\u006fne":"9165550123"}',
        b'{"id":5,"phone":"9165550123","phone":null}',
        b'{"id":5,"a":{"phone":"9165550123"},"a":{}}',
        b'{"id":5,"b":"\\ud83d","phone":"9165550123"}',
        b'{"id":5,"b":"\xff","phone":"9165550123"}',
        b'{"id":5,"phone":"9165550123","deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"id":5,"phone":"9165550123","huge":1' + b"0" * 5_000 + b"}",
        b'{"id":5,"phone":"9165550123"',
        b'{"id":5,"custom_fields_values":[{"field_id":71,"values":' + b"[" * 9_000 + b'"9165550123"' + b"]" * 9_000
        + b"}]}",
    ],
    ids=["escaped", "twice", "object twice", "half an emoji", "no utf-8", "deep", "huge", "cut", "deep value"],
)  # fmt: skip
def test_a_value_is_gone_from_lines_that_decoders_stumble_over(rules: PrivacyRules, line: bytes) -> None:
    kept = filter_of(rules)(line)
    assert MARK.encode() not in kept
    assert kept.startswith(b'{"id":5')
    load_json(kept.decode("utf-8", "surrogatepass"))


@given(JSON, st.sampled_from(["phone", "Email", "first_name"]))
def test_whatever_stands_in_a_property_goes_with_it(value: Any, name: str) -> None:
    line = line_of({"id": 1, "in": {"x": [{name: value, "left": 1}]}})
    assert json.loads(filter_of(DROPPING)(line)) == {"id": 1, "in": {"x": [{"left": 1}]}}


# An object that is marked as a field and says neither name nor id is dropped, whatever the rules.
@given(JSON.filter(lambda value: '"field_' not in json.dumps(value) and '"values"' not in json.dumps(value)))
def test_a_record_of_which_nothing_goes_stays_as_it_was_sent(value: Any) -> None:
    line = json.dumps({"id": 1.50, "x": value}).encode()
    rules = PrivacyRules(dropped=frozenset({"there is no such property"}))
    kept = filter_of(rules)(line)
    assert kept == line


def test_the_others_keep_their_digits_and_their_order() -> None:
    line = b'{"id":5,"price":1.50,"phone":"1","big":123456789012345678901234567890,"e":1e999,"z":0,"a":[1.0]}'
    assert filter_of(DROPPING)(line) == line.replace(b'"phone":"1",', b"")


def test_things_keep_their_names() -> None:
    pipeline = line_of({"id": 1, "name": "Sales", "_embedded": {"statuses": [{"id": 2, "name": "New"}]}})
    assert filter_of(DROPPING, is_thing=True)(pipeline) == pipeline
    lead = line_of({"id": 1, "_embedded": {"tags": [{"id": 3, "name": "vip"}], "loss_reason": [{"name": "dear"}]}})
    assert filter_of(DROPPING)(lead) == lead


def test_a_user_who_is_responsible_for_a_call_stays_by_id() -> None:
    call = line_of({"id": 1, "params": {"call_responsible": "777", "duration": 3}})
    assert filter_of(DROPPING)(call) == call


def test_a_hashed_field_keeps_its_kind_and_its_options_say_nothing() -> None:
    sent = {
        "custom_fields_values": [
            field(71, field_code="PHONE", field_type="multitext")
            | {"values": [{"value": "8 916 555-01-23", "enum_id": 4, "enum_code": "WORK", "note": PHONE}]},
            field(73, field_type="select")
            | {"values": [{"value": MARK, "enum_id": 1}, {"value": ""}, {"value": {}}]},
        ]
    }
    phone, passport = json.loads(filter_of(HASHING)(line_of(sent)))["custom_fields_values"]
    assert phone["values"] == [{"value": Hasher("phone", KEY).hash(PHONE), "enum_id": 4, "enum_code": "WORK"}]
    assert passport["values"] == [{"value": Hasher(None, KEY).hash(MARK)}, {"value": None}, {"value": None}]
    assert passport["field_type"] == "text"


def test_a_phone_joins_wherever_it_stands() -> None:
    hashed = Hasher("phone", KEY).hash(PHONE)
    for shape in ("a property", "a number", "within", "embedded", "a field by its code", "an event"):
        assert hashed in filter_of(HASHING)(line_of(SHAPES[shape])).decode()


def test_a_field_that_hides_a_choice_has_no_options_in_the_accounts_list() -> None:
    filtered = filter_of(DROPPING)
    assert [MARK in str(filtered.definition(each)) for each in DEFINED] == [False, False, False]
    assert filtered.definition(DEFINED[2]) is DEFINED[2]
    assert json.loads(filtered.definition_line(line_of(DEFINED[1])))["name"] == "Паспорт"


def test_only_chosen_fields_are_kept() -> None:
    rules = PrivacyRules(only_chosen=True)
    sent = {"custom_fields_values": [field(71), field(73, field_name="Паспорт"), CITY, field(999)]}
    assert json.loads(filter_of(rules, chosen=["Город"])(line_of(sent))) == {"custom_fields_values": [CITY]}
    assert json.loads(filter_of(rules, chosen=[])(line_of(sent))) == {"custom_fields_values": []}


def test_what_people_wrote_into_tasks_can_be_left_out_and_calls_hash_as_contacts_do() -> None:
    without_texts = filter_of(PrivacyRules(dropped=frozenset({"text"})))
    sent = task(5, text=f"Call {PHONE}", result={"text": f"talked to {MARK}"})
    left = json.loads(without_texts(line_of(sent)))
    assert MARK not in json.dumps(left)
    assert left.keys() == sent.keys() - {"text"}

    hashed = json.loads(
        filter_of(HASHING)(line_of(call(6, params={"phone": f"8 {MARK}", "call_responsible": 17})))
    )
    assert hashed["params"]["phone"] == Hasher("phone", KEY).hash(PHONE)
    assert (hashed["params"]["call_responsible"], hashed["params"]["duration"]) == (17, 54)
    assert (hashed["entity_type"], hashed["id"]) == ("contacts", 6)
