"""The keys of records as integers that sort as their rows do; reading, merging and verifying use these integers.

An integer id is used as it is. Other keys, such as texts and pairs, are numbered in the order of reading, and
ranked when all records have been read.
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
        """The number of a record's key, while records are being read."""

    def ranked(self, numbers: np.ndarray) -> np.ndarray:
        """The ranked number of each number: it sorts as the rows do. To be called after all records were read."""

    def of_rows(self, rows: pa.Table) -> np.ndarray:
        """The ranked numbers of rows; -1 for a row whose key no record had."""

    def key(self, rank: int) -> Any:
        """The key with a ranked number: its value, or several values as one text."""


class IntegerIds:
    """Keys of one integer column: the integer is its own number."""

    def __init__(self, column: str) -> None:
        self._column = column
        self.number_of: Callable[[Record], int] = attrgetter(column)

    def ranked(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers themselves."""
        return numbers

    def of_rows(self, rows: pa.Table) -> np.ndarray:
        """The values of the column."""
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
        """The position of each key among all keys, sorted."""
        import numpy as np

        ranks: np.ndarray = np.empty(len(self._numbers), np.int64)
        ranks[[self._numbers[key] for key in self._in_order()]] = np.arange(len(self._numbers))
        ranked: np.ndarray = ranks[numbers]
        return ranked

    def of_rows(self, rows: pa.Table) -> np.ndarray:
        """Found by the values of the key's columns."""
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
    """Numbers for the keys of the records of one day of a table."""
    types = {column.name: column.type for column in table.columns}
    if [types[name] for name in table.key] == ["INTEGER"]:
        return IntegerIds(table.key[0])
    return NumberedKeys(table.key)
