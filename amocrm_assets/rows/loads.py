"""The rows of the table of loads: the tables that the warehouse holds, and whether their captures are complete.

The rows are computed from both, so that a run that is killed and repeated gives the same rows. Previous rows avoid
reading a capture again, and are kept for captures that were removed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures import all_captures, captures_by_day, read_findings, read_header
from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.entities import ENTITIES, STAGES
from amocrm_assets.entities.loads import LOADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.errors import CaptureDamaged
from amocrm_assets.rows.seal import sealed_file, sealed_path
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from amocrm_assets.captures import CaptureFound
    from amocrm_assets.entities import Entity
    from amocrm_assets.entities.loads import HeldTable
    from amocrm_assets.entities.reference import ReferenceTable
    from amocrm_assets.entities.table import WholeTable
    from amocrm_assets.storage import Storage

Row = dict[str, Any]
Place = tuple[str, date | None]
# Threads that read captures: a request to a bucket takes tens of milliseconds.
_THREADS = 8


@dataclass(frozen=True)
class LoadsWritten:
    """The file of the table; `incomplete` counts rows of tables whose captures may miss records."""

    table: WholeTable
    name: str
    row_count: int
    incomplete: int


@dataclass(frozen=True)
class _Read:
    """A capture as the table of loads describes it: when reading began, whether it was complete, its findings.

    `is_complete` None means unknown.
    """

    captured_at: datetime | None = None
    is_complete: bool | None = None
    findings: Sequence[Row] = ()

    @property
    def columns(self) -> Row:
        return {
            "captured_at": self.captured_at,
            "is_complete": self.is_complete,
            "findings": list(self.findings),
        }


def write_loads(
    storage: Storage,
    subdomain: str,
    held: Iterable[HeldTable],
    *,
    entities: Sequence[Entity] = ENTITIES,
) -> LoadsWritten:
    """Write a row for each of the account's tables in the warehouse. The caller must hold the table's lock.

    Raises errors of the storage. A damaged capture becomes a finding of its day.
    """
    name = LOADS.rows_name(subdomain)
    storage.remove_stale(name)
    previous = _previous_rows(storage, name)
    readings = _Readings(storage, subdomain, entities, previous)
    tables = {place: each for each in held if (place := _place(each.name, subdomain))}
    reads = readings.of(tables)
    rows = [
        {
            "table": table,
            "day": day,
            "rows": tables[table, day].row_count,
            "loaded_at": tables[table, day].loaded_at,
            **reads[table, day].columns,
        }
        for table, day in sorted(tables, key=_in_order)
    ]
    _write(storage, name, rows)
    return LoadsWritten(LOADS, name, len(rows), sum(row["is_complete"] is False for row in rows))


@dataclass
class _Readings:
    """Finds the captures that tables were made from."""

    storage: Storage
    subdomain: str
    entities: Sequence[Entity]
    previous: Mapping[Place, Row]
    _days: dict[str, Mapping[date, Sequence[CaptureFound]]] = field(default_factory=dict)

    def of(self, places: Iterable[Place]) -> dict[Place, _Read]:
        """By table, the capture that it was made from."""
        listed = list(places)
        shards = {place: found for place in listed if (found := self._newest(place))}
        # Tables of one entity share a capture.
        wanted = {found.name: (entity, found, place) for place, (entity, found) in shards.items()}
        with DaemonPool(_THREADS, name="loads") as threads:
            reads = dict(zip(wanted, threads.map(self._read, wanted.values()), strict=True))
        known = {place: reads[found.name] for place, (_, found) in shards.items()}
        known = {place: known.get(place) or self._previous(place) for place in listed}
        return known | {place: self._whole(place, known) for place in listed if place[1] is None}

    def _newest(self, place: Place) -> tuple[Entity, CaptureFound] | None:
        """The newest capture of a shard's day."""
        table, day = place
        entity = next((each for each in self.entities for own in each.tables if own.warehouse_name == table), None)
        if entity is None or day is None:
            return None
        if entity.name not in self._days:
            self._days[entity.name] = captures_by_day(entity, self.storage, self.subdomain)
        found = self._days[entity.name].get(day)
        return (entity, found[-1]) if found else None

    def _read(self, wanted: tuple[Entity, CaptureFound, Place]) -> _Read:
        entity, found, place = wanted
        previous = self._previous(place)
        if previous.captured_at == found.captured_at and previous.is_complete is not None:
            return previous
        try:
            header = read_header(entity, self.storage, found.name)
            if not header.tells_findings:
                return _Read(found.captured_at)
            findings = [
                _finding(each.record_list, each.kind, each.cause, each.fix, may_miss=each.may_miss)
                for each in read_findings(self.storage, found.name)
            ]
        except CaptureDamaged as error:
            findings = [_finding(entity.name, "capture_damaged", error.cause, error.fix, may_miss=True)]
        return _Read(found.captured_at, not any(each["may_miss"] for each in findings), findings)

    def _previous(self, place: Place) -> _Read:
        """What the previous row says; its capture may have been removed."""
        row = self.previous.get(place)
        return _Read(row["captured_at"], row["is_complete"], row["findings"]) if row else _Read()

    def _whole(self, place: Place, known: Mapping[Place, _Read]) -> _Read:
        """For a table without days: the capture of the reference lists, or a summary of its days."""
        table, _ = place
        if reference := next((each for each in REFERENCE_TABLES if each.warehouse_name == table), None):
            return self._of_lists(reference) or known[place]
        shards = self._made_of(table)
        days = [read for (name, day), read in known.items() if day and name in shards]
        if not days:
            return known[place]
        proofs = {read.is_complete for read in days}
        newest = max((read.captured_at for read in days if read.captured_at), default=None)
        return _Read(newest, _summary(proofs))

    def _made_of(self, table: str) -> set[str]:
        """Names of the shard tables whose days a table without days is made from."""
        if table == STAGES.warehouse_name:
            return {each.table.warehouse_name for each in (STAGES.of, STAGES.events)}
        return {own.warehouse_name for each in self.entities for own in each.tables if _flat_name(own) == table}

    def _of_lists(self, table: ReferenceTable) -> _Read | None:
        captures = all_captures(REFERENCE, self.storage, self.subdomain)
        if not captures:
            return None
        names = {part.record_list for part in table.parts}
        header = read_header(REFERENCE, self.storage, captures[-1].name)
        lists = [each for each in header.lists or () if each.name in names]
        findings = [
            _finding(each.name, found.kind, found.cause, found.fix, may_miss=found.may_miss)
            for each in lists
            for found in each.findings
        ]
        complete = {each.name: each.is_complete for each in lists}
        # An earlier version may not have read every list.
        return _Read(captures[-1].captured_at, _summary({complete.get(name) for name in names}), findings)


def _place(name: str, subdomain: str) -> Place | None:
    """Table and day from a name in the warehouse; None for tables of other accounts and for the table of loads."""
    found = re.fullmatch(rf"(amoCrm[A-Za-z]+)_{re.escape(subdomain)}(?:_([0-9]{{8}}))?", name)
    if found is None or found[1] == LOADS.warehouse_name:
        return None
    if found[2] is None:
        return found[1], None
    try:
        return found[1], date.fromisoformat(found[2])
    except ValueError:  # another table whose eight digits are not a date
        return None


def _summary(proofs: Collection[bool | None]) -> bool | None:
    """Whether all readings were complete, None if unknown."""
    return False if False in proofs else None if None in proofs else True


def _in_order(place: Place) -> tuple[str, date]:
    return place[0], place[1] or date.min


def _flat_name(table: Any) -> str | None:
    return table.latest.warehouse_name if table.latest else None


def _finding(record_list: str, kind: str, cause: str, fix: str, *, may_miss: bool) -> Row:
    return {"list": record_list, "kind": kind, "may_miss": may_miss, "cause": cause, "fix": fix}


def _previous_rows(storage: Storage, name: str) -> dict[Place, Row]:
    """The rows of the existing file; empty if it is missing, damaged, or has another schema."""
    import pyarrow.parquet as pq

    with sealed_path(storage, name) as path:
        rows = pq.read_table(path) if path else arrow_schema(LOADS).empty_table()
    if not rows.schema.remove_metadata().equals(arrow_schema(LOADS)):
        return {}
    return {(row["table"], row["day"]): row for row in rows.to_pylist()}


def _write(storage: Storage, name: str, rows: Sequence[Row]) -> None:
    import pyarrow as pa

    schema = arrow_schema(LOADS)
    with sealed_file(storage, name, schema) as writer:
        writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
