"""Captures of a day to rows: of each lead's versions one becomes its row.

`reading` turns lines into leads, `latest` decides which version wins; here the two meet, and what a
source does not want is left out. Pure: no clock, no log, no file.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.latest import LatestVersions
from amocrm_assets.rows.oddities import OddityCounter
from amocrm_assets.rows.reading import LeadReader
from amocrm_assets.rows.record_batches import RecordBatchBuilder
from amocrm_assets.rows.value_formatter import ValueFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.captures import OpenCapture
    from amocrm_assets.rows.day_rows import DayRows
    from amocrm_assets.rows.leads import Lead
    from amocrm_assets.settings import SourceSettings

# Lines that are decoded at once; few, so that one odd line costs few others a second look.
_LINES = 128


def rows_of_day(captures: Sequence[OpenCapture], *, source: SourceSettings) -> DayRows:
    """Merge the captures of a day, given the oldest first.

    They are read newest first: what an older one holds of a lead is mostly outdated then, and costs no memory.
    """
    choice = FieldSelection(source.leads_custom_fields, [capture.facts.fields for capture in reversed(captures)])
    notes = OddityCounter()
    versions = LatestVersions(RecordBatchBuilder(choice.is_system, ValueFormatter(source.zone), notes))
    reader = LeadReader()
    for capture in reversed(captures):
        versions.begin_capture()
        lines_before = 0
        while lines := list(islice(capture.leads, _LINES)):
            leads, found = reader.read(lines)
            _leave_out(leads, source, choice)
            numbers = versions.keep(leads, sizes=[len(line) for line in lines])
            for place, kinds in found.items():
                if leads[place] is None:
                    notes.of_line(_called(capture, lines_before + place + 1), kinds)
                elif place in numbers:
                    notes.of_version(numbers[place], kinds)
            lines_before += len(lines)
    return versions.day_rows(notes, reader.unknown_properties, choice.missing())


def _leave_out(leads: Sequence[Lead | None], source: SourceSettings, choice: FieldSelection) -> None:
    for lead in leads:
        if lead is not None:
            if not source.import_lead_name:
                lead.name = None
            lead.custom_fields = choice.of(lead.custom_fields or [])


def _called(capture: OpenCapture, line: int) -> str:
    return f"lead {line} of the capture of {capture.facts.captured_at:%Y-%m-%dT%H:%M:%SZ}"
