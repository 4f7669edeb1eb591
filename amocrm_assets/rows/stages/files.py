"""Writes the file of the stages, always completely, from events, states, the reference tables and the settings."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import STAGES, StagesTable
from amocrm_assets.entities.latest import beside_name
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows.arrow_memory import arrow_memory_returned
from amocrm_assets.rows.latest_table.values import dates, moments, names_now
from amocrm_assets.rows.seal import sealed_file
from amocrm_assets.rows.stages.courses import course_rows
from amocrm_assets.rows.stages.month_files import refresh, wanted_events, wanted_states
from amocrm_assets.rows.stages.ordered import records_in_order
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from amocrm_assets.rows.latest_table.values import Names
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    Row = tuple[Any, ...]

_GROUP_ROWS = 16_384


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
    with records_in_order(storage, events.names, states.names) as known:
        writer.write(storage, map(course_rows, known))
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
    def write(self, storage: Storage, courses: Iterable[pa.Table]) -> None:
        """Write the rows of all records, which must be sorted by id."""
        name = self.table.rows_name(self.source.subdomain)
        with sealed_file(storage, name, arrow_schema(self.table)) as writer:
            for inferred in _groups(courses):
                writer.write_table(self._table_of(inferred))

    def _table_of(self, inferred: pa.Table) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        schema = arrow_schema(self.table)
        known = inferred.rename_columns([self.table.key[0], *inferred.column_names[1:]])
        columns = {name: known[name] for name in known.column_names}
        columns |= {each.wanted.column: each.of(known) for each in self.names}
        columns[beside_name("entered_at", "date")] = dates(known["entered_at"], self.source.zone)
        for name in ("entered_at", "left_at"):
            columns[beside_name(name, "time")] = moments(known[name])
        self.row_count += known.num_rows
        self.records += pc.sum(pc.equal(known["stage_number"], 1)).as_py()
        self.unknown_moments += known["entered_at"].null_count
        self.origins.update(
            {each["values"]: each["counts"] for each in known["origin"].value_counts().to_pylist()}
        )
        return pa.table([columns[name] for name in schema.names], schema=schema)


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in groups of a fixed size, so that the same rows give the same bytes."""
    import pyarrow as pa

    rest: pa.Table | None = None
    for table in tables:
        rest = pa.concat_tables([rest, table]) if rest else table
        while rest.num_rows >= _GROUP_ROWS:
            yield rest.slice(0, _GROUP_ROWS).combine_chunks()
            rest = rest.slice(_GROUP_ROWS)
    if rest:
        yield rest.combine_chunks()


def _no_events(table: StagesTable, source: SourceSettings) -> ActionRequired:
    return ActionRequired(
        f"Making {table.name_of(source.subdomain, None)}",
        cause=f"no day has rows of {table.events.table.records} yet.",
        fix=f"Materialise `{table.events.table.asset}` for a day first.",
        source=source.subdomain,
    )
