"""Users and pipelines as amoCRM lists them, and the periods of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.entities.reference import reference_table

if TYPE_CHECKING:
    from datetime import datetime

    from amocrm_assets_tests.rows.reference.readings import Row

PIPELINES, STATUSES, USERS, GROUPS = map(
    reference_table, ("amoCrmPipelines", "amoCrmStatuses", "amoCrmUsers", "amoCrmGroups")
)


def user(user_id: int, name: str, **rights: Any) -> Row:
    return {"id": user_id, "name": name, "email": None, "rights": {"is_active": True, "group_id": None, **rights}}


def pipeline(*statuses: Row) -> Row:
    return {"id": 3, "name": "Продажи", "sort": 1, "is_archive": False, "_embedded": {"statuses": list(statuses)}}


def periods(found: list[Row], key: int) -> list[tuple[str, datetime, datetime | None]]:
    return [(row["name"], row["valid_from"], row["valid_to"]) for row in found if row["id"] == key]
