"""Writes the file of the stages, always completely, from events, states, the reference tables and the settings."""

from __future__ import annotations

import gc
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import STAGES, StagesTable
from amocrm_assets.entities.latest import beside_name
from amocrm_assets.entities.reference.lists import LOST, WON
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows.arrow_memory import arrow_memory_returned
from amocrm_assets.rows.latest_table.values import dates, moments, names_now
from amocrm_assets.rows.seal import sealed_file
from amocrm_assets.rows.stages.month_files import refresh, wanted_events, wanted_states
from amocrm_assets.rows.stages.ordered import records_in_order
from amocrm_assets.rows.stages.stays import course_of
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from amocrm_assets.rows.latest_table.values import Names
    from amocrm_assets.rows.stages.stays import Course, StageId, Stay
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    Row = tuple[Any, ...]

_GROUP_ROWS = 16_384
# Columns that come from a record's course; the others are computed from these, many rows at once.
_INFERRED = (
    "stage_number", "pipeline_id", "status_id", "previous_pipeline_id", "previous_status_id", "outcome",
    "visit_number", "entered_at", "left_at", "seconds_in_stage", "is_current", "entered_by", "is_deleted",
    "origin",
)  # fmt: skip
_OUTCOMES = {WON: "won", LOST: "lost"}


@dataclass(frozen=True)
class StagesWritten:
    """The file of the stages, and counts for metadata.

    `days` is the number of days with events, `days_read` how many days of events and of records were read;
    `origins` counts rows by origin, and `unknown_moments` rows without `entered_at`.
    """

    table: StagesTable
    name: str
    row_count: int
    records: int
    days: int
    days_read: int
    origins: Mapping[str, int]
    unknown_moments: int
    seconds: float


def write_stages(storage: Storage, source: SourceSettings, table: StagesTable = STAGES) -> StagesWritten:
    """Update the stages of all records from rows, reference tables and settings.

    The caller must hold the table's lock. Raises `ActionRequired` if no day has events, `RowsDamaged` if the rows
    of a changed day are damaged, and errors of the storage.
    """
    started = time.perf_counter()
    folder = table.rows_folder(source.subdomain)
    storage.remove_stale(folder)
    events, states = (
        refresh(wanted, folder, storage, source.subdomain)
        for wanted in (wanted_events(table), wanted_states(table))
    )
    if not events.days:
        raise _no_events(table, source)
    writer = _StagesWriter(table, source, names_now(table.names, storage, source))
    with records_in_order(storage, events.names, states.names) as records, _without_garbage_collection():
        writer.write(storage, ((record_id, course_of(*known)) for record_id, known in records))
    return StagesWritten(
        table,
        table.rows_name(source.subdomain),
        writer.row_count,
        writer.records,
        events.days,
        events.days_read + states.days_read,
        dict(sorted(writer.origins.items())),
        writer.unknown_moments,
        time.perf_counter() - started,
    )


@dataclass
class _StagesWriter:
    """Writes the table to its file, and counts rows and records."""

    table: StagesTable
    source: SourceSettings
    names: list[Names]

    def __post_init__(self) -> None:
        self.row_count = self.records = self.unknown_moments = 0
        self.origins: Counter[str] = Counter()

    @arrow_memory_returned()
    def write(self, storage: Storage, courses: Iterable[tuple[int, Course]]) -> None:
        """Write the rows of all records, which must be sorted by id."""
        name = self.table.rows_name(self.source.subdomain)
        with sealed_file(storage, name, arrow_schema(self.table)) as writer:
            for rows in self._groups(courses):
                writer.write_table(self._table_of(rows))

    def _groups(self, courses: Iterable[tuple[int, Course]]) -> Iterator[list[Row]]:
        """Rows in groups of a fixed size, so that the same rows give the same bytes."""
        rows: list[Row] = []
        for record_id, course in courses:
            self.records += bool(course.stays)
            rows += _rows(record_id, course)
            while len(rows) >= _GROUP_ROWS:
                yield rows[:_GROUP_ROWS]
                rows = rows[_GROUP_ROWS:]
        if rows:
            yield rows

    def _table_of(self, rows: list[Row]) -> pa.Table:
        import pyarrow as pa

        schema = arrow_schema(self.table)
        names = (self.table.key[0], *_INFERRED)
        columns: dict[str, Any] = {
            name: pa.chunked_array([pa.array(values, schema.field(name).type)])
            for name, values in zip(names, zip(*rows, strict=True), strict=True)
        }
        known = pa.table(columns)
        columns |= {each.wanted.column: each.of(known) for each in self.names}
        columns[beside_name("entered_at", "date")] = dates(known["entered_at"], self.source.zone)
        for name in ("entered_at", "left_at"):
            columns[beside_name(name, "time")] = moments(known[name])
        self.row_count += len(rows)
        self.unknown_moments += known["entered_at"].null_count
        self.origins.update(row[-1] for row in rows)
        return pa.table([columns[name] for name in schema.names], schema=schema)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Reference counting frees the millions of tuples; searching for cycles would take a sixth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _rows(record_id: int, course: Course) -> Iterator[Row]:
    """The rows of a record: its id, and the columns of `_INFERRED`."""
    visits: dict[StageId | None, int] = {}
    before: StageId | None = None
    last = len(course.stays)
    for number, stay in enumerate(course.stays, 1):
        stage = stay.stage
        visits[stage] = visits.get(stage, 0) + 1
        pipeline_id, status_id = stage or (None, None)
        yield (
            record_id, number, pipeline_id, status_id, *(before or (None, None)), _outcome(status_id),
            visits[stage], stay.entered_at, stay.left_at, _seconds(stay),
            number == last and not course.is_deleted, stay.by, course.is_deleted, stay.origin,
        )  # fmt: skip
        before = stage


def _outcome(status_id: int | None) -> str | None:
    return None if status_id is None else _OUTCOMES.get(status_id, "open")


def _seconds(stay: Stay) -> int | None:
    return None if stay.left_at is None or stay.entered_at is None else stay.left_at - stay.entered_at


def _no_events(table: StagesTable, source: SourceSettings) -> ActionRequired:
    return ActionRequired(
        f"Making {table.name_of(source.subdomain, None)}",
        cause=f"no day has rows of {table.events.table.records} yet.",
        fix=f"Materialise `{table.events.table.asset}` for a day first.",
        source=source.subdomain,
    )
