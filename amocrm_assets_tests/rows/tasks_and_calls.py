"""Tasks as API v4 sends them, and calls with what they hang on, as captures hold them."""

from __future__ import annotations

from typing import Any

from amocrm_assets_tests.rows.days import UPDATED_AT


def task(number: int, **properties: Any) -> dict[str, Any]:
    """A task of a lead that nobody has done."""
    return {
        "id": number,
        "created_by": 7,
        "updated_by": 7,
        "created_at": UPDATED_AT - 100,
        "updated_at": UPDATED_AT,
        "responsible_user_id": 7,
        "group_id": 0,
        "entity_id": 21,
        "entity_type": "leads",
        "duration": 0,
        "is_completed": False,
        "task_type_id": 1,
        "text": "Перезвонить",
        "result": [],
        "complete_till": UPDATED_AT + 86_400,
        "account_id": 31_000_001,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/tasks/{number}"}},
    } | properties


def call(number: int, owners: str = "contacts", params: Any = None, **properties: Any) -> dict[str, Any]:
    """A call that was answered. `params` are those that differ, or what is sent in their place."""
    known = {
        "uniq": "8f52d38a-5fb3",
        "duration": 54,
        "source": "pbx",
        "link": "https://pbx.example/8f52d38a.mp3",
        "phone": "+7 999 000-11-22",
        "call_result": "Договорились",
        "call_status": 4,
        "call_responsible": "Мария",
    }
    return {
        "id": number,
        "entity_id": 51,
        "created_by": 0,
        "updated_by": 0,
        "created_at": UPDATED_AT - 100,
        "updated_at": UPDATED_AT,
        "responsible_user_id": 7,
        "group_id": 0,
        "note_type": "call_in",
        "params": known | params if isinstance(params, dict) else known if params is None else params,
        "account_id": 31_000_001,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/{owners}/51/notes/{number}"}},
        "entity_type": owners,
    } | properties
