"""Peak memory for unrealistically large days: thousands of captures, leads of ten thousand fields.

Run it: `python -m benchmarks extremes`.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures import CaptureHeader, CaptureWriter
from amocrm_assets.captures.header import json_line
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.rows import write_rows
from amocrm_assets.storage import open_storage
from benchmarks.measuring import Figure, apart, at_most
from benchmarks.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.settings import SourceSettings

DAY = date(2026, 1, 1)
FIELDS_OF_A_RICH_ACCOUNT = 1_000
# About 200 MB of each are Python, pandas and Arrow.
MAX_MEGABYTES = 600


def measure_figures(*, quick: bool) -> Iterator[Figure]:
    """Peak memory of a process that writes the rows of such a day."""
    captures, fields = (200, 1_000) if quick else (2_000, 10_000)
    yield _figure(
        f"{captures:,} captures of 50 leads, {FIELDS_OF_A_RICH_ACCOUNT:,} fields",
        captures,
        50,
        FIELDS_OF_A_RICH_ACCOUNT,
        8,
    )
    yield _figure(f"300 leads of {fields:,} fields", 1, 300, fields, fields)


def _figure(what: str, *sizes: int) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        apart(_write_captures, folder, *sizes)
        _, cost = apart(_write_rows, folder)
    return at_most(
        "an unrealistically large day",
        f"{what}: peak memory",
        cost.peak_megabytes,
        wanted=MAX_MEGABYTES,
        unit="MB",
    )


def _write_rows(folder: str) -> int:
    return write_rows(LEADS, open_storage(folder), _source(), DAY).row_count


def _source() -> SourceSettings:
    return source_of("http://127.0.0.1")


def _write_captures(folder: str, captures: int, leads: int, fields: int, filled: int) -> None:
    source = _source()
    window = day_window(DAY, source.zone)
    defined: list[dict[str, Any]] = [
        {"id": number, "name": f"Поле {number}", "code": None, "type": "text", "is_predefined": False}
        for number in range(1, fields + 1)
    ]
    values = [
        {"field_id": number, "field_name": f"Поле {number}", "field_type": "text", "values": [{"value": "да"}]}
        for number in range(1, filled + 1)
    ]
    lines = [
        json_line(
            {"id": number, "name": "x", "updated_at": window.from_at + number, "custom_fields_values": values}
        )
        for number in range(1, leads + 1)
    ]
    for number in range(captures):
        header = CaptureHeader(
            subdomain=source.subdomain,
            day=DAY,
            from_at=window.from_at,
            to_at=window.to_at,
            timezone=source.timezone,
            captured_at=datetime(2026, 1, 2, tzinfo=UTC) + timedelta(minutes=number),
            account_id=1,
            fields=defined,
        )
        writer = CaptureWriter(LEADS, open_storage(folder), header)
        writer.add(line.rstrip(b"\n") for line in lines)
        writer.publish()
