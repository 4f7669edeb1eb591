"""Captures of a day to rows: of each lead's versions one becomes its row.

The version with the greatest (`updated_at`, capture, line) wins. The stub of a deleted lead holds no columns, so
the row keeps those of the last full version and says that the lead is deleted, and since when. Pure: no clock,
no log, no file.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from amocrm_assets.rows.batches import BatchMaker
from amocrm_assets.rows.choice import FieldChoice
from amocrm_assets.rows.day_rows import DayRows
from amocrm_assets.rows.json_values import INT64_MIN
from amocrm_assets.rows.oddities import OddityNotes
from amocrm_assets.rows.reading import LeadReader
from amocrm_assets.rows.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from amocrm_assets.captures import OpenCapture
    from amocrm_assets.rows.leads import Lead
    from amocrm_assets.settings import SourceSettings

# Leads that are turned into columns at once: so few that they stay in the processor's cache meanwhile.
_BATCH_LEADS = 128
# Leads, or bytes of them, in a batch that is kept: few are quick to pick from, and Arrow holds 2 GB a column.
_KEPT_LEADS = 4_096
_KEPT_BYTES = 64_000_000


def rows_of_day(captures: Sequence[OpenCapture], *, source: SourceSettings) -> DayRows:
    """Merge the captures of a day, given the oldest first.

    They are read newest first: what an older one holds of a lead is mostly outdated then, and costs no memory.
    """
    choice = FieldChoice(source.leads_custom_fields, [capture.facts.fields for capture in reversed(captures)])
    notes = OddityNotes()
    versions = _Versions(BatchMaker(choice.is_system, Texts(source.zone), notes))
    reader = LeadReader()
    for order, capture in reversed(list(enumerate(captures))):
        for number, line in enumerate(capture.leads, 1):
            lead, found = reader.read(line)
            if lead is None:
                notes.of_line(
                    f"lead {number} of the capture of {capture.facts.captured_at:%Y-%m-%dT%H:%M:%SZ}", found
                )
                continue
            if not source.import_lead_name:
                lead.name = None
            lead.custom_fields = choice.of(lead.custom_fields or [])
            version = versions.keep(lead, order, len(line))
            if version is not None and found:
                notes.of_version(version, found)
    return versions.day_rows(notes, reader.unknown_properties, choice.missing())


class _Versions:
    """Versions of leads that may become rows, as batches of columns, numbered in the order of reading."""

    def __init__(self, maker: BatchMaker) -> None:
        self._maker = maker
        # Of each lead the last full version and the last stub: (updated_at, order of its capture, its number).
        self._fulls: dict[int, tuple[int, int, int]] = {}
        self._stubs: dict[int, tuple[int, int, int]] = {}
        self._sizes = array("q")
        self._waiting: list[Lead] = []
        self._small: list[pa.RecordBatch] = []
        self._small_bytes = 0
        self._batches: list[pa.RecordBatch] = []

    def keep(self, lead: Lead, order: int, size_bytes: int) -> int | None:
        """Keep a version unless a later one is known; returns its number."""
        last = self._stubs if _is_stub(lead) else self._fulls
        number = len(self._sizes)
        rank = (INT64_MIN if lead.updated_at is None else lead.updated_at, order, number)
        if lead.id in last and rank < last[lead.id]:
            return None
        last[lead.id] = rank
        self._sizes.append(size_bytes)
        self._waiting.append(lead)
        self._small_bytes += size_bytes
        if len(self._waiting) == _BATCH_LEADS:
            self._make_batch()
        if len(self._small) * _BATCH_LEADS >= _KEPT_LEADS or self._small_bytes >= _KEPT_BYTES:
            self._join_batches()
        return number

    def day_rows(self, notes: OddityNotes, unknown: set[str], missing: dict[str, list[str]]) -> DayRows:
        """Pick of each lead the version that becomes its row."""
        import numpy as np

        self._join_batches()
        picked: dict[int, int] = {}
        deleted_at: dict[int, int | None] = {}
        for lead_id, rank in sorted({**self._stubs, **self._fulls}.items()):
            picked[lead_id] = rank[2]
            if (stub := self._stubs.get(lead_id, rank)) > rank:
                deleted_at[rank[2]] = None if stub[0] == INT64_MIN else stub[0]
        return DayRows(
            picked=np.fromiter(picked.values(), np.int64),
            sizes=np.array(self._sizes, np.int64),
            batches=self._batches,
            deleted_at=deleted_at,
            oddities=notes.counted({version: lead_id for lead_id, version in picked.items()}),
            unknown_properties=tuple(sorted(unknown)),
            missing_fields=missing,
        )

    def _make_batch(self) -> None:
        if self._waiting:
            first = len(self._sizes) - len(self._waiting)
            self._small.append(self._maker.batch(self._waiting, first_version=first))
            self._waiting = []

    def _join_batches(self) -> None:
        import pyarrow as pa

        self._make_batch()
        if self._small:
            self._batches += pa.Table.from_batches(self._small).combine_chunks().to_batches()
            self._small, self._small_bytes = [], 0


def _is_stub(lead: Lead) -> bool:
    filled = (lead.created_at, lead.status_id, lead.pipeline_id, lead.custom_fields or None)
    return lead.is_deleted is True and filled == (None, None, None, None)
