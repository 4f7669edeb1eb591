"""Rebuilds rows and tables of the days whose captures were changed.

Only existing ones are rebuilt: a day without rows, or a table that was never loaded, remains so.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures import read_header
from amocrm_assets.captures.forgotten import digest_of_file
from amocrm_assets.days import day_window, neighbours
from amocrm_assets.entities import STAGES, latest_table
from amocrm_assets.entities.latest import declared
from amocrm_assets.entities.loads import LOADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.forgetting.report import ChangedFile, ChangedTable
from amocrm_assets.rows import rows_name
from amocrm_assets.rows.latest_table import latest_columns, write_latest_table
from amocrm_assets.rows.loads import write_loads
from amocrm_assets.rows.many_days import write_many_days
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.rows.reference.seen import NAMED_BY_RECORDS, seen_name
from amocrm_assets.rows.shard_names import clear_shard_rows, shard_rows
from amocrm_assets.rows.stages import write_stages
from amocrm_assets.rows.stored import days_with_rows
from amocrm_assets.warehouse import ShardLoad, TableLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.entities.reference import ReferenceTable
    from amocrm_assets.entities.table import WholeTable
    from amocrm_assets.forgetting.report import Report
    from amocrm_assets.rows.latest_table import LatestWritten
    from amocrm_assets.rows.loads import LoadsWritten
    from amocrm_assets.rows.stages import StagesWritten
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import AnyLoad, LoadResult, Warehouse

    WholeWritten = LatestWritten | StagesWritten | LoadsWritten

_LOCK_WAIT_SECONDS = 3600.0


class Rebuilding:
    """Rows and tables that depend on captures of a source."""

    def __init__(
        self, source: SourceSettings, storage: Storage, warehouse: Warehouse, entities: Sequence[Entity]
    ) -> None:
        self._source = source
        self._subdomain = source.subdomain
        self._storage = storage
        self._warehouse = warehouse
        self._entities = entities

    def planned(self, report: Report) -> Report:
        """The report with the rows and tables that depend on its captures, in their state before."""
        rows = [
            ChangedFile(name, table.asset, day.isoformat(), 0, digest_of_file(self._storage, name))
            for _, table, day in self._touched(report)
            if (name := rows_name(table, self._subdomain, day))
        ]
        tables = [
            ChangedTable(self._warehouse.table(table.name_of(self._subdomain, day)), shards[day])
            for table, days in self._by_table(report)
            for shards in [self._warehouse.shard_days(table, self._subdomain)]
            for day in days
            if day in shards
        ]
        if reference := self._reference_tables(report):
            names = [each.rows_name(self._subdomain) for each in reference]
            rows += [
                ChangedFile(name, "reference", None, 0, digest_of_file(self._storage, name)) for name in names
            ]
            tables += [
                ChangedTable(self._warehouse.table(each.name_of(self._subdomain, None)), None)
                for each in reference
            ]
        for entity in self._with_flat_table(report):
            flat = latest_table(entity.table)
            name = flat.rows_name(self._subdomain)
            rows.append(ChangedFile(name, entity.name, None, 0, digest_of_file(self._storage, name)))
            tables.append(ChangedTable(self._warehouse.table(flat.name_of(self._subdomain, None)), None))
        if self._touches_stages(report):
            name = STAGES.rows_name(self._subdomain)
            rows.append(ChangedFile(name, STAGES.asset, None, 0, digest_of_file(self._storage, name)))
            tables.append(ChangedTable(self._warehouse.table(STAGES.name_of(self._subdomain, None)), None))
        return replace(report, rows=tuple(rows), tables=tuple(tables))

    def run(self, report: Report) -> Report:
        """Rebuild them, and add their states afterwards to the report."""
        planned = {each.table for each in report.tables}
        written = {each.name for each in report.rows}
        counts: dict[str, int] = {}
        for (entity, table), touched in groupby(self._touched(report), key=itemgetter(0, 1)):
            days = [day for *_, day in touched if rows_name(table, self._subdomain, day) in written]
            with closing(write_many_days(entity, self._storage, self._source, days, table=table)) as made:
                for _, result in made:
                    result()
        counts |= self._reference(written)
        for table, days in self._by_table(report):
            clear_shard_rows(table, self._storage, self._subdomain)
            names = {day: self._warehouse.table(table.name_of(self._subdomain, day)) for day in days}
            counts |= self._load_shards(table, [day for day in days if names[day] in planned])
        for entity in self._with_flat_table(report):
            counts |= self._flat_table(entity)
        if STAGES.rows_name(self._subdomain) in written:
            counts |= self._whole(STAGES.warehouse_name, lambda: write_stages(self._storage, self._source))
        self._loads()
        return replace(
            report,
            rows=tuple(replace(each, after=digest_of_file(self._storage, each.name)) for each in report.rows),
            tables=tuple(replace(each, rows_after=counts.get(each.table)) for each in report.tables),
        )

    def _loads(self) -> None:
        """The table of loads, which has the times of the other loads; it contains no personal data."""

        def write() -> LoadsWritten:
            held = self._warehouse.held_tables(self._subdomain)
            return write_loads(self._storage, self._subdomain, held, entities=self._entities)

        if self._is_there(LOADS):
            self._whole(LOADS.warehouse_name, write)

    def _touched(self, report: Report) -> Iterator[tuple[Entity, Table, date]]:
        """Existing rows that overlap a changed capture, in the present time zone."""
        for entity in self._entities:
            names = [each.name for each in report.captures if each.entity == entity.name]
            wanted = {day for name in names for day in self._days_of(entity, name)}
            for table in entity.tables if wanted else ():
                yield from (
                    (entity, table, day)
                    for day in days_with_rows(table, self._storage, self._subdomain)
                    if day in wanted
                )

    def _days_of(self, entity: Entity, name: str) -> Iterator[date]:
        header = read_header(entity, self._storage, name)
        near = {other for day in neighbours(header.day) for other in neighbours(day)}
        return (day for day in near if day_window(day, self._source.zone).meets(header.window))

    def _by_table(self, report: Report) -> Iterable[tuple[Table, list[date]]]:
        found: dict[str, tuple[Table, list[date]]] = {}
        for _, table, day in self._touched(report):
            found.setdefault(table.asset, (table, []))[1].append(day)
        if self._touches_reference(report):
            found |= {table.asset: (table, days) for table, days in self._with_names()}
        return found.values()

    def _with_names(self) -> Iterator[tuple[Table, list[date]]]:
        """Shards with names of the reference tables, for all of their days."""
        for table in (table for entity in self._entities for table in entity.tables):
            if table.for_shards(self._source) is not table:
                yield table, days_with_rows(table, self._storage, self._subdomain)

    def _load_shards(self, table: Table, days: Sequence[date]) -> dict[str, int]:
        with shard_rows(table, self._storage, self._source) as rows:
            return self._load([ShardLoad(rows.table, self._subdomain, day, *rows.of(day)) for day in days])

    def _touches_reference(self, report: Report) -> bool:
        return any(each.entity == REFERENCE.name for each in report.captures)

    def _reference_tables(self, report: Report) -> list[ReferenceTable]:
        """All of them if lists have changed; otherwise those that also contain names of other records."""
        if not report.captures:
            return []
        there, all_of_them = set(self._storage.names(f"rows/{self._subdomain}")), self._touches_reference(report)
        wanted = [each for each in REFERENCE_TABLES if all_of_them or each.asset in NAMED_BY_RECORDS]
        return [each for each in wanted if each.rows_name(self._subdomain) in there]

    def _reference(self, planned: set[str]) -> dict[str, int]:
        tables = [each for each in REFERENCE_TABLES if each.rows_name(self._subdomain) in planned]
        if not tables:
            return {}
        self._storage.delete(seen_name(self._subdomain))
        for each in tables:
            # An existing file would only be extended by new captures; these have changed.
            self._storage.delete(each.rows_name(self._subdomain))
        written = write_reference_tables(
            tables, self._storage, self._subdomain, source=self._source, fill=self._latest_columns
        )
        loads = [
            TableLoad(each, self._subdomain, written[each.asset].name, written[each.asset].row_count)
            for each in tables
        ]
        return self._load(loads)

    def _latest_columns(self, _: ReferenceTable, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        imported = [each for each in self._entities if each.choices.is_imported(self._source)]
        return latest_columns(imported, self._source, rows)

    def _with_flat_table(self, report: Report) -> list[Entity]:
        """Entities with a flat table, which also contains names from the reference tables."""
        there = set(self._storage.names(f"rows/{self._subdomain}")) if report.captures else set()
        return [
            entity
            for entity in self._entities
            if entity.table.latest and latest_table(entity.table).rows_name(self._subdomain) in there
        ]

    def _flat_table(self, entity: Entity) -> dict[str, int]:
        name = declared(entity.table).warehouse_name
        return self._whole(name, lambda: write_latest_table(entity, self._storage, self._source))

    def _touches_stages(self, report: Report) -> bool:
        """Stages also contain names from the reference tables."""
        return bool(report.captures) and self._is_there(STAGES)

    def _is_there(self, table: WholeTable) -> bool:
        return table.rows_name(self._subdomain) in self._storage.names(table.rows_folder(self._subdomain))

    def _whole(self, name: str, write: Callable[[], WholeWritten]) -> dict[str, int]:
        with self._storage.lock(f"locks/{self._subdomain}-{name}", wait_seconds=_LOCK_WAIT_SECONDS):
            written = write()
            return self._load([TableLoad(written.table, self._subdomain, written.name, written.row_count)])

    def _load(self, loads: Sequence[AnyLoad]) -> dict[str, int]:
        """The number of rows of each table after its load. Raises the first error, after the others are loaded."""
        counts, errors = {}, []
        outcomes: Iterable[tuple[AnyLoad, LoadResult | Exception]] = (
            self._warehouse.load(loads, self._storage, run_id="forget") if loads else ()
        )
        for load, outcome in outcomes:
            if isinstance(outcome, Exception):
                errors.append(outcome)
            else:
                counts[self._warehouse.table(load.table.name_of(self._subdomain, load.day))] = outcome.row_count
        if errors:
            raise errors[0]
        return counts
