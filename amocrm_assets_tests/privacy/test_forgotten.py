"""What a value on the list of the forgotten is found in, and what it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amocrm_assets.privacy.forgotten import Asked, ForgottenList

PHONE = "+7 (495) 123-45-67"


def forgotten(*values: str) -> ForgottenList:
    empty = ForgottenList(b"salt")
    return empty.with_entries(empty.entries_of(Asked(values=values), key=None))


def lead(**values: Any) -> bytes:
    return json.dumps({"id": 1, **values}).encode()


@pytest.mark.parametrize(
    "values",
    [
        {"name": "call 8 495 123 45 67"},
        {"name": "74951234567"},
        {"price": 74951234567},
        {"custom_fields_values": [{"field_id": 5, "values": [{"value": "8(495)1234567"}]}]},
    ],
)
def test_a_phone_is_found_in_every_spelling_and_place(values: dict[str, Any]) -> None:
    assert forgotten(PHONE).kept("leads", lead(**values)) is None


@pytest.mark.parametrize("name", ["id", "responsible_user_id", "field_id", "updated_at", "created_by"])
def test_a_number_that_amocrm_gave_is_nobodys_value(name: str) -> None:
    line = lead(**{name: 74951234567})

    assert forgotten(PHONE).kept("leads", line) == line


@pytest.mark.parametrize("record_list", ["tasks", "calls"])
def test_what_is_about_a_contact_who_is_forgotten_by_id_goes_too(record_list: str) -> None:
    empty = ForgottenList(b"salt")
    without = empty.with_entries(empty.entries_of(Asked(ids={"contact": [51]}), key=None))
    assert without.kept(record_list, lead(entity_type="contacts", entity_id=51)) is None
    for other in (lead(entity_type="contacts", entity_id=52), lead(entity_type="leads", entity_id=51)):
        assert without.kept(record_list, other) == other


def test_the_phone_of_a_call_is_found() -> None:
    call = lead(entity_type="contacts", entity_id=51, params={"phone": "84951234567", "duration": 5})
    assert forgotten(PHONE).kept("calls", call) is None
    assert forgotten("+7 495 000-00-00").kept("calls", call) == call
