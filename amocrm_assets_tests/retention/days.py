"""Histories of a day: captures that come one after the other, with and without removal of the old ones between."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from amocrm_assets.captures import CaptureWriter, all_captures, open_capture
from amocrm_assets.entities import LEADS
from amocrm_assets.retention import HeldBack, RemovedCaptures, remove_old_captures
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.files import rows_table
from amocrm_assets_tests.rows.days import DAY, Line, capture_header, line, source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from amocrm_assets.captures import ReadingFinding
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

LATER = capture_header(24 * 365).captured_at
Outcome = RemovedCaptures | HeldBack


class StoredEntity:
    """What one source has of one entity in a storage."""

    def __init__(self, storage: Storage, entity: Entity = LEADS, **settings: Any) -> None:
        self.storage = storage
        self.entity = entity
        self.source: SourceSettings = source(**settings)

    def set(self, **settings: Any) -> None:
        """Change settings of the source."""
        self.source = source(**settings)

    def capture(
        self,
        lines: Sequence[Line],
        *,
        number: int = 0,
        fields: Sequence[Any] = (),
        findings: Sequence[ReadingFinding] = (),
        **changed: Any,
    ) -> str:
        """Keep a reading of the day; `number` is the hour of it."""
        writer = CaptureWriter(self.entity, self.storage, capture_header(number, fields, **changed))
        writer.add(line(each) for each in lines)
        return writer.publish(findings).name

    def make_rows(self, *days: date) -> None:
        """Make the rows of days, of all tables."""
        for day in days or (DAY,):
            for table in self.entity.for_source(self.source).tables:
                write_rows(self.entity, self.storage, self.source, day, table=table)

    def rows(self, *days: date, table: Table | None = None) -> dict[str, list[dict[str, Any]]]:
        """The rows that are there, by table and day."""
        return {
            f"{each.asset} {day}": pa.Table.to_pylist(rows_table(each, self.storage, "acme", day))
            for day in days or (DAY,)
            for each in ([table] if table else self.entity.for_source(self.source).tables)
        }

    def remove(
        self, before: datetime = LATER, storage: Storage | None = None, *, wait_seconds: float = 60.0
    ) -> list[Outcome]:
        """Remove old captures; all are, where nothing else is said."""
        made = remove_old_captures(
            self.entity, storage or self.storage, self.source, before=before, lock_wait_seconds=wait_seconds
        )
        return list(made)

    def names(self) -> list[str]:
        """File names of the captures and of what stands for them."""
        return [each.name.rpartition("/")[2] for each in all_captures(self.entity, self.storage, "acme")]

    def lines(self) -> list[bytes]:
        """All records that are kept."""
        lines: list[bytes] = []
        for each in all_captures(self.entity, self.storage, "acme"):
            with open_capture(self.entity, self.storage, each.name) as capture:
                lines += capture.records
        return lines


def hours(number: int) -> datetime:
    """The moment at which the capture with this number is old."""
    return capture_header(number).captured_at + timedelta(minutes=1)
