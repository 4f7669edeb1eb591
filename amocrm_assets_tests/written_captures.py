"""Captures that tests of captures write: their header, lines and leads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import (
    CaptureHeader,
    CaptureWriter,
    open_capture,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.storage import Storage, open_storage

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 1, 1)
CAPTURED_AT = datetime(2026, 1, 2, 0, 30, 12, 482113, tzinfo=UTC)
LINES = [b'{"id":1,"name":"\\u0421"}', '{ "id": 2,\t"name": "Сделка" }'.encode(), b"{}"]


@pytest.fixture(name="storage")
def folder_storage(tmp_path: Path) -> Storage:
    """A storage in the folder of the test itself, so that a test finds a capture below `tmp_path` by its name."""
    return open_storage(str(tmp_path))


def capture_header(**changed: Any) -> CaptureHeader:
    known: dict[str, Any] = {
        "subdomain": "acme",
        "day": DAY,
        "from_at": 1767214800,
        "to_at": 1767301199,
        "timezone": "Europe/Moscow",
        "captured_at": CAPTURED_AT,
        "account_id": 31_000_001,
        "fields": [{"id": 5, "name": "Город", "is_predefined": False, "enums": None}],
    }
    return CaptureHeader(**known | changed)


def captured(storage: Storage, leads: list[bytes] = LINES, **changed: Any) -> str:
    """Name of a capture with these leads."""
    writer = CaptureWriter(LEADS, storage, capture_header(**changed))
    writer.add(leads)
    return writer.publish().name


def leads_in(storage: Storage, name: str) -> list[bytes]:
    with open_capture(LEADS, storage, name) as capture:
        return list(capture.records)
