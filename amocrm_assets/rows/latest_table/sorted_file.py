"""Writes files of rows sorted by id, of any size, in bounded memory.

The same rows always give the same bytes, since they are written in groups of a fixed size.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import numpy as np

from amocrm_assets.errors import InternalError
from amocrm_assets.rows.arrow_memory import arrow_memory_returned
from amocrm_assets.rows.seal import sealed_file
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from amocrm_assets.rows.latest_table.places import Integers
    from amocrm_assets.storage import Storage

ROW_GROUP = 16_384
# Rows that are sorted in memory at once; a record may have many kilobytes.
_BUCKET_ROWS = 32_768


@arrow_memory_returned()
def write_sorted(
    storage: Storage, name: str, schema: pa.Schema, tables: Iterable[pa.Table], *, metadata: Mapping[str, str]
) -> int:
    """Write rows, which must be sorted by id, and seal the file; returns the number of rows.

    Raises `InternalError` if they are not sorted, or an id is repeated.
    """
    count, last = 0, None
    with sealed_file(storage, name, schema, metadata) as writer:
        for group in _groups(tables):
            ids = group["id"].to_numpy()
            if np.any(np.diff(ids) <= 0) or (last is not None and ids[0] <= last):
                raise _out_of_order(name)
            writer.write_table(group, row_group_size=ROW_GROUP)
            count, last = count + group.num_rows, ids[-1]
    return count


def replaced(old: Iterator[pa.Table], new: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Merge two streams of rows, each sorted by id; no id may be in both."""
    import pyarrow as pa

    first, second = _next(old), _next(new)
    while first is not None and second is not None:
        limit = min(_last_id(first), _last_id(second))
        (head, first), (other, second) = _split(first, limit), _split(second, limit)
        both = pa.concat_tables([head, other])
        yield both.take(np.argsort(both["id"].to_numpy(), kind="stable"))
        first, second = first or _next(old), second or _next(new)
    for rest, behind in ((first, old), (second, new)):
        if rest is not None:
            yield rest
            yield from behind


class Buckets:
    """Sorts rows by id. Many rows are kept in temporary files, one per range of ids."""

    def __init__(self, storage: Storage, name: str, ids: Integers, schema: pa.Schema) -> None:
        """`ids`, sorted, are those of all rows that will be added. Temporary files are created next to `name`."""
        self._storage, self._name, self._schema = storage, name, schema
        self._bounds = ids[_BUCKET_ROWS::_BUCKET_ROWS].copy()
        self._files: list[_Spilled] = []
        self._rows: list[pa.Table] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.__enter__()
        try:
            if len(self._bounds):
                self._files = [self._file(number) for number in range(len(self._bounds) + 1)]
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, rows: pa.Table) -> None:
        """Add rows, in any order."""
        if not self._files:
            self._rows.append(rows)
            return
        ids = rows["id"].to_numpy()
        numbers = np.searchsorted(self._bounds, ids, side="right")
        for number in np.unique(numbers).tolist():
            self._files[number].add(rows.filter(numbers == number))

    def tables(self) -> Iterator[pa.Table]:
        """All rows, one bucket at a time."""
        import pyarrow as pa

        if self._rows:
            yield _sorted(pa.concat_tables(self._rows))
        for file in self._files:
            yield _sorted(file.rows())

    def _file(self, number: int) -> _Spilled:
        path = self._stack.enter_context(self._storage.temp_file(f"{self._name}.{number}"))
        return self._stack.enter_context(_Spilled(path, self._schema))


class _Spilled:
    """Rows in a temporary file."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema

    def __enter__(self) -> Self:
        import pyarrow as pa

        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with disk_errors(f"Writing {self._path.name}", self._path):
            self._sink = pa.OSFile(str(self._path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema, options=options)
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.close()

    def add(self, rows: pa.Table) -> None:
        with disk_errors(f"Writing {self._path.name}", self._path):
            self._writer.write_table(rows)

    def rows(self) -> pa.Table:
        import pyarrow as pa

        with disk_errors(f"Reading {self._path.name}", self._path):
            self._writer.close()
            self._sink.close()
            with pa.OSFile(str(self._path)) as file:
                return pa.ipc.open_file(file).read_all()


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows in groups of a fixed size, each copied into arrays of its own."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += table.num_rows
        while count >= ROW_GROUP:
            rows = pa.concat_tables(waiting)
            yield rows.slice(0, ROW_GROUP).combine_chunks()
            waiting, count = [rows.slice(ROW_GROUP)], count - ROW_GROUP
    if count:
        yield pa.concat_tables(waiting).combine_chunks()


def _sorted(rows: pa.Table) -> pa.Table:
    return rows.take(np.argsort(rows["id"].to_numpy(), kind="stable"))


def _next(tables: Iterator[pa.Table]) -> pa.Table | None:
    return next((table for table in tables if table.num_rows), None)


def _last_id(table: pa.Table) -> int:
    return int(table["id"][-1].as_py())


def _split(table: pa.Table, limit: int) -> tuple[pa.Table, pa.Table | None]:
    """The rows up to an id, and the remaining rows or None."""
    at = int(np.searchsorted(table["id"].to_numpy(), limit, side="right"))
    rest = table.slice(at)
    return table.slice(0, at), rest if rest.num_rows else None


def _out_of_order(name: str) -> InternalError:
    return InternalError(
        f"Writing {name}", cause="its rows are not in the order of their ids.", fix="Report this."
    )
