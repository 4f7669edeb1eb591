"""Leads with tags and fields whose captures are removed: what the tests of retention share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.captures import (
    CaptureHeader,
    all_captures,
    open_capture,
)
from amocrm_assets_tests.rows.days import field

if TYPE_CHECKING:
    from amocrm_assets_tests.retention.days import StoredEntity


TAGS = {"tags": [{"id": 3, "name": "vip", "color": None}], "contacts": [{"id": 51, "is_main": True}]}
CITY = field("text", {"value": "Москва"}, field_id=5, field_name="Город")
PASSPORT = field("text", {"value": "4509 123456"}, field_id=6, field_name="Паспорт")
FIELDS = [{"id": 5, "name": "Город", "code": None}, {"id": 6, "name": "Паспорт", "code": None}]


def headers(kept: StoredEntity) -> list[CaptureHeader]:
    found = []
    for each in all_captures(kept.entity, kept.storage, "acme"):
        with open_capture(kept.entity, kept.storage, each.name) as capture:
            found.append(capture.header)
    return found
