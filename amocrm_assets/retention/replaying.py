"""Rebuilds the rows of the days of captures: from the captures, and from their replacement."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from amocrm_assets.captures import captures_with_seconds_of, open_capture, read_header
from amocrm_assets.captures.privacy import privacy_of, treated
from amocrm_assets.days import day_window, neighbours
from amocrm_assets.errors import ActionRequired, InternalError
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.rows.stored import days_with_rows
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    import pyarrow as pa

    from amocrm_assets.captures import CaptureWriter
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    Rows = Mapping[tuple[str, date], pa.Table]
    """By the table's asset and the day."""


class Replay:
    """Rows of all tables of an entity that contain records of some captures of a day."""

    def __init__(
        self, entity: Entity, storage: Storage, source: SourceSettings, day: date, captures: Sequence[str]
    ) -> None:
        self._entity = entity
        self._storage = storage
        self._source = source
        self._day = day
        self._captures = captures
        windows = [read_header(entity, storage, each).window for each in captures]
        near = sorted({other for each in neighbours(day) for other in neighbours(each)})
        self.days = [
            each for each in near if each == day or any(day_window(each, source.zone).meets(w) for w in windows)
        ]
        """Days, in the present time zone, that overlap the captures."""

    def rows_that_are_there(self) -> Rows:
        """The rows made from the captures. Raises `ActionRequired` unless the files contain the same."""
        rows = {}
        for table, day in self._made():
            rows[table.asset, day] = self._merged(table, day, self._names(day), {})
            there = rows_table(table, self._storage, self._source.subdomain, day)
            if not there.equals(rows[table.asset, day]):
                raise ActionRequired(
                    f"Removing old captures of {self._source.title} {self._day}",
                    cause=f"the rows of `{table.asset}` {day} are not what the captures give: a capture or a"
                    " setting is newer than they are.",
                    fix=f"Materialise `{table.asset}` and `{table.warehouse_name}` for {day} again, which"
                    " sends no requests to amoCRM.",
                    source=self._source.subdomain,
                    day=day.isoformat(),
                )
        return rows

    def require_same(self, wanted: Rows, stand_ins: Mapping[str, CaptureWriter]) -> None:
        """Raise `InternalError` unless the replacement of the captures gives the same rows."""
        for table, day in self._made():
            names = {*self._names(day)}.difference(self._captures).union(stand_ins)
            if not self._merged(table, day, sorted(names, key=_age), stand_ins).equals(wanted[table.asset, day]):
                raise InternalError(
                    f"Removing old captures of {self._source.title} {self._day}",
                    cause=f"the replacement file gives other rows of `{table.asset}` {day}.",
                    fix="Report this. The captures stay.",
                    source=self._source.subdomain,
                    day=day.isoformat(),
                )

    def _made(self) -> Iterator[tuple[Table, date]]:
        """Tables and days with rows, and the captures' own day, whether it has rows or not."""
        for table in self._entity.tables:
            there = {*days_with_rows(table, self._storage, self._source.subdomain), self._day}
            yield from ((table, day) for day in self.days if day in there)

    def _names(self, day: date) -> list[str]:
        return captures_with_seconds_of(self._entity, self._storage, self._source, day)

    def _merged(
        self, table: Table, day: date, names: Iterable[str], stand_ins: Mapping[str, CaptureWriter]
    ) -> pa.Table:
        import pyarrow as pa

        entity, source = self._entity, self._source
        with ExitStack() as stack:
            opened = [
                stand_ins[name].read_back()
                if name in stand_ins
                else stack.enter_context(open_capture(entity, self._storage, name))
                for name in names
            ]
            captures = list(treated(entity, source, privacy_of(source), opened))
            rows = rows_of_day(entity, captures, source=source, day=day, table=table)
        return pa.concat_tables([arrow_schema(table).empty_table(), *rows.tables()])


def _age(name: str) -> tuple[str, str]:
    """Orders captures by age, then by name."""
    return name.rpartition("/")[2].partition(".jsonl")[0].partition(".rows")[0], name
