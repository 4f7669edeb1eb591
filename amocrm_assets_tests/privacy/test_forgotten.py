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
