"""Merges the captures of a day into rows: one version of each record becomes its row.

`reading` decodes lines to records, `latest` selects versions; this module calls both and leaves out what a source
does not import. Pure: no clock, no log, no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.days import day_window
from amocrm_assets.rows.day_rows import DayRows
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.latest import LatestVersions
from amocrm_assets.rows.oddities import OddityCounter
from amocrm_assets.rows.reading import RecordReader
from amocrm_assets.rows.record_batches import RecordBatchBuilder
from amocrm_assets.rows.record_types import record_types
from amocrm_assets.rows.value_formatter import ValueFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from amocrm_assets.captures import CaptureHeader, OpenCapture
    from amocrm_assets.days import Window
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.rows.record_types import Record
    from amocrm_assets.settings import SourceSettings

# Lines, or their bytes, that are decoded at once: few, since all are decoded again if one is malformed, and since
# a record may have ten thousand fields.
_LINES = 128
_LINES_BYTES = 4_000_000


def rows_of_day(
    entity: Entity,
    captures: Sequence[OpenCapture],
    *,
    source: SourceSettings,
    day: date,
    table: Table | None = None,
) -> DayRows:
    """Merge the records of a day, in the source's present time zone, from captures, given the oldest first.

    Captures are read newest first, so that most older versions are superseded at once and need no memory.
    `table` None means the entity's main table.
    """
    types = record_types(entity, table or entity.table)
    window = day_window(day, source.zone)
    selection = FieldSelection(entity.choices.fields(source), [each.header.fields for each in reversed(captures)])
    dropped = [each.name for each in types.columns if each.sent_as in entity.choices.dropped(source)]
    notes = OddityCounter()
    builder = RecordBatchBuilder(types, selection.is_system, ValueFormatter(source.zone), notes)
    versions = LatestVersions(builder, types)
    reader = RecordReader(types)
    for capture in reversed(captures):
        versions.begin_capture()
        lines_before = 0
        for lines in chunks(capture.records):
            read, found = reader.read(lines)
            records = _of_day(read, capture.header, day, window, types.time_of)
            drop_columns(records, dropped)
            if types.has_custom_fields:
                choose_fields(records, selection)
            numbers = versions.keep(records, sizes=[len(line) for line in lines])
            for place, kinds in found.items():
                if read[place] is None:
                    notes.of_line(_called(types.table, capture, lines_before + place + 1), kinds)
                elif place in numbers:
                    notes.of_version(numbers[place], kinds)
            lines_before += len(lines)
    return _rows(versions, notes, reader, selection)


def _rows(
    versions: LatestVersions, notes: OddityCounter, reader: RecordReader, selection: FieldSelection
) -> DayRows:
    picked = versions.pick()
    return DayRows(
        picked,
        oddities=notes.counted(picked.record_ids, picked.key),
        unknown_properties=tuple(sorted(reader.unknown_properties)),
        missing_fields=selection.missing(),
    )


def chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines in chunks that are decoded at once."""
    chunk: list[bytes] = []
    size_bytes = 0
    for line in lines:
        chunk.append(line)
        size_bytes += len(line)
        if len(chunk) == _LINES or size_bytes >= _LINES_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    if chunk:
        yield chunk


def _of_day(
    records: Sequence[Record | None],
    header: CaptureHeader,
    day: date,
    window: Window,
    time_of: Callable[[Record], int | None],
) -> Sequence[Record | None]:
    """The records that belong to the day; None replaces the others.

    All records of a capture with the same window do. A record without a time belongs to the day of its capture.
    """
    if header.window == window:
        return records
    own = header.day == day
    return [
        each if each is not None and (own if (at := time_of(each)) is None else window.holds(at)) else None
        for each in records
    ]


def drop_columns(records: Sequence[Record | None], columns: Sequence[str]) -> None:
    """Set columns that the source does not import to null: older captures may still hold values."""
    for record in records if columns else ():
        for column in columns if record is not None else ():
            setattr(record, column, None)


def choose_fields(records: Sequence[Record | None], selection: FieldSelection) -> None:
    """Remove the custom fields that the source does not import."""
    for record in records:
        if record is not None:
            record.custom_fields = selection.of(record.custom_fields or [])


def _called(table: Table, capture: OpenCapture, line: int) -> str:
    return f"{table.record} {line} of the capture of {capture.header.captured_at:%Y-%m-%dT%H:%M:%SZ}"
