"""Contacts and companies as API v4 sends them."""

from __future__ import annotations

from typing import Any

from amocrm_assets_tests.rows.days import UPDATED_AT


def company(number: int, **properties: Any) -> dict[str, Any]:
    """A company, with its leads as `with=leads` gives them."""
    return {
        "id": number,
        "name": f"ООО {number}",
        "responsible_user_id": 7,
        "group_id": 0,
        "created_by": 0,
        "updated_by": 0,
        "created_at": UPDATED_AT - 100,
        "updated_at": UPDATED_AT,
        "closest_task_at": None,
        "is_deleted": False,
        "custom_fields_values": None,
        "account_id": 31_000_001,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/companies/{number}"}},
        "_embedded": {"tags": [], "leads": []},
    } | properties


def contact(number: int, **properties: Any) -> dict[str, Any]:
    """A contact, with its leads as `with=leads` gives them."""
    own = {
        "name": f"Анна {number}",
        "first_name": "Анна",
        "last_name": str(number),
        "is_unsorted": False,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/contacts/{number}"}},
        "_embedded": {"tags": [], "companies": [], "leads": []},
    }
    return company(number) | own | properties
