"""Keys of records as numbers in the order of their rows: reading, merging and verifying use these.

Most ids are such numbers already. Other keys, such as texts and pairs, are numbered in the order of reading and
ranked at the end.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa

    from amocrm_assets.entities import Table
    from amocrm_assets.rows.record_types import Record


class RecordKeys(Protocol):
    """Numbers of the keys of one day's records."""

    def number_of(self, record: Record, /) -> int:
        """The number of a record while records are being read."""

    def ranked(self, numbers: np.ndarray) -> np.ndarray:
        """Those numbers in the order of the rows, once all records were read."""

    def of_rows(self, rows: pa.Table) -> np.ndarray:
        """The ranked numbers of rows; -1 for a row whose key no record had."""

    def key(self, rank: int) -> Any:
        """The key with a ranked number: a value, or several as a text."""


class IntegerIds:
    """Integer ids are used directly."""

    def __init__(self, column: str) -> None:
        self._column = column
        self.number_of: Callable[[Record], int] = attrgetter(column)

    def ranked(self, numbers: np.ndarray) -> np.ndarray:
        """Already in the order of the rows."""
        return numbers

    def of_rows(self, rows: pa.Table) -> np.ndarray:
        """The column, unchanged."""
        ids: np.ndarray = rows[self._column].to_numpy()
        return ids

    def key(self, rank: int) -> int:
        """The id itself."""
        return rank


class NumberedKeys:
    """Keys of text or of several columns, numbered in the order of reading."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._key_of: Callable[[Record], Any] = attrgetter(*columns)
        self._numbers: dict[Any, int] = {}

    def number_of(self, record: Record) -> int:
        """The number of the record's key; a new key gets the next one."""
        return self._numbers.setdefault(self._key_of(record), len(self._numbers))

    def ranked(self, numbers: np.ndarray) -> np.ndarray:
        """The rank of each key among all of them."""
        import numpy as np

        ranks: np.ndarray = np.empty(len(self._numbers), np.int64)
        ranks[[self._numbers[key] for key in self._in_order()]] = np.arange(len(self._numbers))
        found: np.ndarray = ranks[numbers]
        return found

    def of_rows(self, rows: pa.Table) -> np.ndarray:
        """From the values of the key's columns."""
        import numpy as np

        rank_of = {key: rank for rank, key in enumerate(self._in_order())}
        values = [rows[column].to_pylist() for column in self._columns]
        keys = values[0] if len(values) == 1 else zip(*values, strict=True)
        return np.array([rank_of.get(key, -1) for key in keys], np.int64)

    def key(self, rank: int) -> str:
        """The key's values, with a space between them."""
        key = self._in_order()[rank]
        return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)

    def _in_order(self) -> list[Any]:
        return sorted(self._numbers)


def keys_of(table: Table) -> RecordKeys:
    """Numbers for the records of one day of a table."""
    types = {column.name: column.type for column in table.columns}
    if [types[name] for name in table.key] == ["INTEGER"]:
        return IntegerIds(table.key[0])
    return NumberedKeys(table.key)
