"""The rows of a day: picked versions of records in the order of their ids, returned in groups.

A day of hundreds of thousands of records is never copied as a whole. `latest` picks the versions, `files` writes
the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    from amocrm_assets.rows.keys import RecordKeys
    from amocrm_assets.rows.oddities import Oddity

# Approximate size of a group of rows.
_GROUP_BYTES = 64_000_000
# A smaller row counts as this many bytes.
_MIN_BYTES = 3_200


@dataclass(frozen=True)
class DayRows:
    """The rows of a day, the oddities found, and the properties and chosen fields that are unknown or missing."""

    versions: PickedVersions
    oddities: tuple[Oddity, ...]
    unknown_properties: tuple[str, ...]
    missing_fields: Mapping[str, Sequence[str]]

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.versions.picked)

    @property
    def captured_ids(self) -> np.ndarray:
        """Ids of all records of the day in all captures, sorted: each must have a row."""
        return self.versions.captured_ids

    def ids_of(self, rows: pa.Table) -> np.ndarray:
        """The ids of written rows, in the order of the rows."""
        return self.versions.keys.of_rows(rows)

    def tables(self) -> Iterator[pa.Table]:
        """The rows, sorted by their key, in the schema of their table, as tables of at most about 20,000 rows."""
        return self.versions.tables()


@dataclass(frozen=True)
class PickedVersions:
    """The version of each record that becomes its row.

    `picked` are version numbers in the order of the rows, `ids` the ids of their records, `sizes` the sizes of all
    versions in bytes as they were sent. `captured_ids` are the ids of all records of the day in all captures,
    sorted. `deleted_at` maps a version number to the time since when the record is known to be deleted. Ids are
    ranked numbers of `keys`; `time` is the column with the time of a record.
    """

    keys: RecordKeys
    time: str
    picked: np.ndarray
    ids: np.ndarray
    sizes: np.ndarray
    batches: Sequence[pa.RecordBatch]
    captured_ids: np.ndarray
    deleted_at: Mapping[int, int | None]

    @property
    def record_ids(self) -> Mapping[int, int]:
        """The record id of each picked version, by version number."""
        return dict(zip(self.picked.tolist(), self.ids.tolist(), strict=True))

    def key(self, record_id: int) -> str:
        """The key of a record as text, for messages."""
        return str(self.keys.key(record_id))

    def tables(self) -> Iterator[pa.Table]:
        """The rows, sorted by id, as tables of at most about 20,000 rows."""
        import numpy as np

        if len(self.picked):
            weights = np.maximum(self.sizes[self.picked], _MIN_BYTES)
            ends = np.flatnonzero(np.diff(np.cumsum(weights) // _GROUP_BYTES)) + 1
            for group in np.split(self.picked, ends):
                table = self._table(group)
                yield self._deletions_marked(table, group) if self.deleted_at else table

    @cached_property
    def _starts(self) -> np.ndarray:
        """Number of the first version of each batch, and the number of versions as last item."""
        import numpy as np

        return np.array(list(accumulate((batch.num_rows for batch in self.batches), initial=0)))

    def _table(self, group: np.ndarray) -> pa.Table:
        """Versions in the order of `group`: taken batch by batch, then sorted."""
        import numpy as np
        import pyarrow as pa

        order = np.argsort(group)
        ascending = group[order]
        bounds = np.searchsorted(ascending, self._starts)
        pieces = [
            batch.take(pa.array(ascending[begin:end] - start))
            for batch, start, begin, end in zip(self.batches, self._starts, bounds, bounds[1:], strict=False)
            if begin < end
        ]
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return pa.Table.from_batches(pieces, self.batches[0].schema).combine_chunks().take(pa.array(places))

    def _deletions_marked(self, table: pa.Table, group: np.ndarray) -> pa.Table:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        deleted = np.isin(group, np.fromiter(self.deleted_at, np.int64))
        marks = {
            self.time: pa.array([self.deleted_at[version] for version in group[deleted].tolist()], pa.int64()),
            "is_deleted": pa.array([True] * int(deleted.sum()), pa.bool_()),
        }
        for name, values in marks.items():
            column = pc.replace_with_mask(table[name], pa.array(deleted), values)
            table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
        return table
