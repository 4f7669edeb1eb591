"""Captures of a day to rows: of each lead's versions one becomes its row.

`reading` turns lines into leads, `latest` decides which version wins; here the two meet, and what a
source does not want is left out. Pure: no clock, no log, no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.days import day_window
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.latest import LatestVersions
from amocrm_assets.rows.oddities import OddityCounter
from amocrm_assets.rows.reading import LeadReader
from amocrm_assets.rows.record_batches import RecordBatchBuilder
from amocrm_assets.rows.value_formatter import ValueFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from amocrm_assets.captures import CaptureHeader, OpenCapture
    from amocrm_assets.days import Window
    from amocrm_assets.rows.day_rows import DayRows
    from amocrm_assets.rows.leads import Lead
    from amocrm_assets.settings import SourceSettings

# Lines, or bytes of them, that are decoded at once: few, so that one odd line costs few others a second look, and
# leads of ten thousand fields stay small in memory.
_LINES = 128
_LINES_BYTES = 4_000_000


def rows_of_day(captures: Sequence[OpenCapture], *, source: SourceSettings, day: date) -> DayRows:
    """Merge what captures, given the oldest first, hold of a day by the source's zone as it is now.

    They are read newest first: what an older one holds of a lead is mostly outdated then, and costs no memory.
    """
    window = day_window(day, source.zone)
    choice = FieldSelection(source.leads_custom_fields, [capture.facts.fields for capture in reversed(captures)])
    notes = OddityCounter()
    versions = LatestVersions(RecordBatchBuilder(choice.is_system, ValueFormatter(source.zone), notes))
    reader = LeadReader()
    for capture in reversed(captures):
        versions.begin_capture()
        lines_before = 0
        for lines in _chunks(capture.leads):
            read, found = reader.read(lines)
            leads = _of_day(read, capture.facts, day, window)
            _leave_out(leads, source, choice)
            numbers = versions.keep(leads, sizes=[len(line) for line in lines])
            for place, kinds in found.items():
                if read[place] is None:
                    notes.of_line(_called(capture, lines_before + place + 1), kinds)
                elif place in numbers:
                    notes.of_version(numbers[place], kinds)
            lines_before += len(lines)
    return versions.day_rows(notes, reader.unknown_properties, choice.missing())


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
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
    leads: Sequence[Lead | None], header: CaptureHeader, day: date, window: Window
) -> Sequence[Lead | None]:
    """The leads that belong to the day, None in the place of others.

    All of a capture that was read by the same midnights do. One without `updated_at` belongs to its capture's day.
    """
    if header.window == window:
        return leads
    own = header.day == day
    return [
        lead if lead is not None and (own if lead.updated_at is None else window.holds(lead.updated_at)) else None
        for lead in leads
    ]


def _leave_out(leads: Sequence[Lead | None], source: SourceSettings, choice: FieldSelection) -> None:
    for lead in leads:
        if lead is not None:
            if not source.import_lead_name:
                lead.name = None
            lead.custom_fields = choice.of(lead.custom_fields or [])


def _called(capture: OpenCapture, line: int) -> str:
    return f"lead {line} of the capture of {capture.facts.captured_at:%Y-%m-%dT%H:%M:%SZ}"
