"""Days of leads: captures in memory or in a storage, and the rows they give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from amocrm_assets.captures import CaptureHeader, CaptureWriter, OpenCapture
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS, Entity
from amocrm_assets.rows.day_rows import DayRows
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.rows.seal import UNSEALED, seal
from amocrm_assets.settings import SourceSettings
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage

DAY = date(2026, 1, 1)
UPDATED_AT = 1_767_229_200
Line = bytes | dict[str, Any]
Row = dict[str, Any]


def source(**settings: Any) -> SourceSettings:
    """A source in Moscow."""
    known: dict[str, Any] = {
        "subdomain": "acme",
        "access_token_env": "AMOCRM_TOKEN",
        "start_date": "2026-01-01",
        "timezone": "Europe/Moscow",
    }
    return SourceSettings.model_validate(known | settings)


def lead(number: int, **properties: Any) -> dict[str, Any]:
    """A lead as API v4 sends it."""
    return {
        "id": number,
        "name": f"Сделка {number}",
        "price": 1000,
        "responsible_user_id": 7,
        "group_id": 0,
        "status_id": 142,
        "pipeline_id": 11,
        "loss_reason_id": None,
        "created_by": 0,
        "updated_by": 0,
        "created_at": UPDATED_AT - 100,
        "updated_at": UPDATED_AT,
        "closed_at": None,
        "closest_task_at": None,
        "is_deleted": False,
        "custom_fields_values": None,
        "score": None,
        "account_id": 31_000_001,
        "labor_cost": None,
        "is_price_computed": False,
        "_links": {"self": {"href": f"https://acme.amocrm.ru/api/v4/leads/{number}"}},
        "_embedded": {"tags": [], "companies": []},
    } | properties


def stub(number: int, **properties: Any) -> dict[str, Any]:
    """A deleted lead as API v4 sends it: nearly everything null."""
    kept = {"id", "updated_at", "updated_by", "account_id", "_links"}
    nulls = {name: value if name in kept else None for name, value in lead(number).items()}
    return nulls | {"is_deleted": True} | properties


def field(field_type: str, *items: Any, **properties: Any) -> dict[str, Any]:
    """A filled custom field."""
    known = {
        "field_id": 5,
        "field_name": "Поле",
        "field_code": None,
        "field_type": field_type,
        "values": list(items),
    }
    return known | properties


def line(sent: Line) -> bytes:
    """A lead as the bytes of a line."""
    return sent if isinstance(sent, bytes) else json.dumps(sent).encode()


def capture_header(
    number: int = 0, fields: Sequence[Any] = (), *, day: date = DAY, zone: str = "Europe/Moscow", **changed: Any
) -> CaptureHeader:
    """Facts of the capture with this number of a day in a zone."""
    window = day_window(day, ZoneInfo(zone))
    known: dict[str, Any] = {
        "subdomain": "acme",
        "day": day,
        "from_at": window.from_at,
        "to_at": window.to_at,
        "timezone": zone,
        "captured_at": datetime(2026, 1, 2, tzinfo=UTC) + timedelta(hours=number),
        "account_id": 31_000_001,
        "fields": list(fields),
    }
    return CaptureHeader(**known | changed)


def merged(*captures: Sequence[Line], fields: Sequence[Any] = (), **settings: Any) -> DayRows:
    """What the captures, the oldest first, give."""
    opened = [
        OpenCapture(
            capture_header(number, fields, zone=settings.get("timezone", "Europe/Moscow")),
            iter([line(sent) for sent in leads]),
        )
        for number, leads in enumerate(captures)
    ]
    return rows_of_day(LEADS, opened, source=source(**settings), day=DAY)


def rows_in(rows: DayRows) -> list[Row]:
    """Rows as dicts, their order and schema checked."""
    table = pa.concat_tables([arrow_schema(LEADS.table).empty_table(), *rows.tables()])
    assert table.schema == arrow_schema(LEADS.table)
    table.validate(full=True)
    found: list[Row] = table.to_pylist()
    assert len(found) == rows.row_count
    ids = [row["id"] for row in found]
    assert ids == sorted(set(ids))
    return found


def rows_of(*captures: Sequence[Line], **settings: Any) -> list[Row]:
    """Rows of the captures, as dicts."""
    return rows_in(merged(*captures, **settings))


def oddities_of(*captures: Sequence[Line], **settings: Any) -> dict[str, int]:
    """How often each kind of oddity is in the rows of the captures."""
    return {oddity.kind: oddity.count for oddity in merged(*captures, **settings).oddities}


def keep(
    storage: Storage,
    leads: Sequence[Line],
    *,
    number: int = 0,
    fields: Sequence[Any] = (),
    entity: Entity = LEADS,
    **changed: Any,
) -> str:
    """Publish a capture of the day, or with a changed header; its name."""
    writer = CaptureWriter(entity, storage, capture_header(number, fields, **changed))
    writer.add(line(sent) for sent in leads)
    return writer.publish().name


def rewrite_rows(path: Path, table: pa.Table) -> None:
    """Put other rows into a rows file, as whole as those of `write_rows`: a defect of ours, and no damage."""
    pq.write_table(table.replace_schema_metadata(UNSEALED), path)
    seal(path)
