"""Flat tables of the tests: days of rows in a storage, and the tables they give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS, Entity
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.latest_table import LatestWritten, write_latest_table
from amocrm_assets.settings import SourceSettings
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.rows.days import DAY, keep, source

ZONE = ZoneInfo("Europe/Moscow")
Row = dict[str, Any]


def settings(**changes: Any) -> SourceSettings:
    """A source that keeps the flat table, without reference tables and details unless a test wants them."""
    known = {"latest_table": True, "import_reference": False, "import_lead_details": False}
    return source(**(known | changes))


SOURCE = settings()


@pytest.fixture(name="storage")
def folder_storage(tmp_path: Path) -> Storage:
    """A storage in the folder `storage`, which a test opens again as a process that is killed."""
    return open_storage(str(tmp_path / "storage"))


def seconds(number: int, hour: int = 12) -> int:
    """A moment on the day of this number, by the clocks of the source."""
    return day_window(day(number), ZONE).from_at + 3600 * hour


def day(number: int) -> date:
    """The day of this number, 0 is the first."""
    return DAY + timedelta(days=number)


def write_day(
    storage: Storage,
    number: int,
    leads: Sequence[Row],
    *,
    by: SourceSettings,
    reading: int = 0,
    fields: Sequence[Row] = (),
    entity: Entity = LEADS,
) -> None:
    """Keep a reading of a day and make its rows."""
    captured_at = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(days=number, hours=reading)
    keep(storage, leads, fields=fields, day=day(number), captured_at=captured_at, entity=entity)
    remake_day(storage, number, by=by, entity=entity)


def remake_day(storage: Storage, number: int, *, by: SourceSettings, entity: Entity = LEADS) -> None:
    """Make the rows of a day again, by these settings."""
    entity = entity.for_source(by)
    for table in entity.tables:
        write_rows(entity, storage, by, day(number), table=table)


def written(storage: Storage, by: SourceSettings, entity: Entity = LEADS) -> LatestWritten:
    """Bring the table up to date."""
    return write_latest_table(entity.for_source(by), storage, by)


def rows(storage: Storage, by: SourceSettings, entity: Entity = LEADS) -> list[Row]:
    """The rows of the table, brought up to date."""
    return table(storage, by, entity).to_pylist()  # type: ignore[no-any-return]


def table(storage: Storage, by: SourceSettings, entity: Entity = LEADS) -> pa.Table:
    """The table, brought up to date."""
    with storage.as_local_path(written(storage, by, entity).name) as path:
        return pq.read_table(path)


def content(storage: Storage, by: SourceSettings, entity: Entity = LEADS) -> bytes:
    """The bytes of the table, brought up to date."""
    with storage.as_local_path(written(storage, by, entity).name) as path:
        return path.read_bytes()


def from_nothing(storage: Storage, by: SourceSettings, folder: Path, entity: Entity = LEADS) -> bytes:
    """The bytes that a table made of the same rows has where none was made before."""
    fresh = open_storage(str(folder))
    for name in storage.names(""):
        if "Latest" not in name:
            with storage.as_local_path(name) as path, fresh.temp_file(name) as copy:
                copy.write_bytes(path.read_bytes())
                fresh.replace(name, copy)
    return content(fresh, by, entity)


def defined(number: int, name: str, kind: str = "text", code: str | None = None) -> Row:
    """A custom field as the account lists it."""
    return {"id": number, "name": name, "type": kind, "code": code, "is_predefined": False}
