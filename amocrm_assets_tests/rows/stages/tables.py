"""Stages of the tests: days of events and leads in a storage, and the table they give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from amocrm_assets.entities import EVENTS, LEADS
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.stages import StagesWritten, write_stages
from amocrm_assets_tests.rows.days import keep, lead, source, stub
from amocrm_assets_tests.rows.latest_table.tables import day, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

Row = dict[str, Any]
MADE = seconds(0, 1)


def settings(**changes: Any) -> SourceSettings:
    """A source with events, without reference tables and details unless a test wants them."""
    known = {"import_events": True, "import_reference": False, "import_lead_details": False}
    return source(**(known | changes))


def side(status_id: int | None, pipeline_id: int = 11) -> list[Row]:
    """What an event says of a stage; nothing of one that it does not name."""
    return [{"lead_status": {"id": status_id, "pipeline_id": pipeline_id}}] if status_id else []


def event(number: int, kind: str, lead_id: int, at: int, *sides: int | None, **properties: Any) -> Row:
    """An event as API v4 sends it; `sides` are the stages before and after."""
    before, after = (side(status_id) for status_id in sides) if sides else ([], [])
    return {
        "id": f"01hq{number:022d}",
        "type": kind,
        "entity_id": lead_id,
        "entity_type": "lead",
        "created_by": 7,
        "created_at": at,
        "value_before": before,
        "value_after": after,
        "account_id": 31_000_001,
    } | properties


def moved(number: int, lead_id: int, at: int, before: int | None, after: int | None, **properties: Any) -> Row:
    """A move from stage to stage."""
    return event(number, "lead_status_changed", lead_id, at, before, after, **properties)


def state(lead_id: int, at: int, status_id: int, *, made_at: int, **properties: Any) -> Row:
    """A lead as it is."""
    stage = {"status_id": status_id, "created_at": made_at, "updated_at": at, "created_by": 3}
    return lead(lead_id, **stage | properties)


def write_days(
    storage: Storage, entity: Entity, days: Mapping[int, Sequence[Row]], by: SourceSettings, *, reading: int = 0
) -> None:
    """Keep a reading of each day, and make its rows."""
    for number, records in days.items():
        captured_at = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(days=number, hours=reading)
        keep(storage, records, entity=entity, day=day(number), captured_at=captured_at, subdomain=by.subdomain)
        for table in entity.for_source(by).tables:
            write_rows(entity, storage, by, day(number), table=table)


def write_events(
    storage: Storage, days: Mapping[int, Sequence[Row]], by: SourceSettings, *, reading: int = 0
) -> None:
    """Days of events."""
    write_days(storage, EVENTS, days, by, reading=reading)


def write_leads(
    storage: Storage, days: Mapping[int, Sequence[Row]], by: SourceSettings, *, reading: int = 0
) -> None:
    """Days of leads."""
    write_days(storage, LEADS, days, by, reading=reading)


def written(storage: Storage, by: SourceSettings) -> StagesWritten:
    """Bring the table up to date."""
    return write_stages(storage, by)


def rows(storage: Storage, by: SourceSettings) -> list[Row]:
    """The rows of the table, brought up to date."""
    with storage.as_local_path(written(storage, by).name) as path:
        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]


def content(storage: Storage, by: SourceSettings) -> dict[str, bytes]:
    """The bytes of the table and of what is kept for it, brought up to date."""
    written(storage, by)
    found = {}
    for name in storage.names(f"rows/{by.subdomain}/amoCrmLeadStages"):
        with storage.as_local_path(name) as path:
            found[name] = path.read_bytes()
    return found


def fill(storage: Storage) -> None:
    """Lead 1 is won, 2 is deleted, 3 never moved, 4 is of before, 5 was only created."""
    write_events(
        storage,
        {
            0: [
                event(1, "lead_added", 1, MADE),
                moved(2, 1, MADE + 60, 21, 22),
                moved(3, 1, MADE + 90, 22, 22),
                event(4, "lead_added", 2, MADE),
                event(5, "lead_added", 5, MADE),
                event(6, "entity_tag_added", 3, MADE),
                event(7, "lead_deleted", 3, MADE, entity_type="contact"),
                event(11, "lead_deleted", 3, MADE, entity_type=None),
            ],
            1: [
                moved(8, 1, seconds(1), 22, 142),
                moved(9, 4, seconds(1), 21, 23),
                event(10, "lead_deleted", 2, seconds(1)),
            ],
        },
        settings(),
    )
    write_leads(
        storage,
        {
            0: [state(each, MADE + 90, 22, made_at=MADE) for each in (1, 2, 3)],
            1: [
                state(1, seconds(1), 142, made_at=MADE),
                stub(2, updated_at=seconds(1)),
                state(4, seconds(1), 23, made_at=MADE - 10**7),
            ],
        },
        settings(),
    )
