"""Files of rows sorted by id: equal bytes however rows arrive, nothing out of order, and no file left behind."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.errors import InternalError
from amocrm_assets.rows.latest_table import sorted_file
from amocrm_assets.rows.latest_table.sorted_file import Buckets, replaced, write_sorted
from amocrm_assets.storage.folder import FolderStorage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from amocrm_assets.storage import Storage

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


@pytest.fixture(autouse=True)
def groups_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also buckets of two."""
    monkeypatch.setattr(sorted_file, "ROW_GROUP", 2)
    monkeypatch.setattr(sorted_file, "_BUCKET_ROWS", 2)


def table(ids: Sequence[int]) -> pa.Table:
    return pa.table({"id": list(ids), "name": [f"name {each}" for each in ids]}, schema=SCHEMA)


def ids_of(rows: pa.Table) -> list[int]:
    assert rows["name"].to_pylist() == [f"name {each}" for each in rows["id"].to_pylist()]
    return rows["id"].to_pylist()  # type: ignore[no-any-return]


def write(storage: Storage, tables: Sequence[Sequence[int]]) -> int:
    return write_sorted(storage, "sorted.parquet", SCHEMA, map(table, tables), metadata={"a": "b"})


@pytest.mark.parametrize(
    "tables",
    [
        [],
        [[]],
        [[7]],
        [[1, 2]],
        [[1], [2]],
        [[1], [2, 3], [], [4, 5], [9]],
        [[1, 2, 3, 4, 5, 9]],
        [[1, 2, 3], [4, 5, 9]],
        [[-5, 0, 2**62]],
    ],
)
def test_rows_are_in_groups_of_one_size_and_give_the_same_bytes_however_they_arrive(
    storage: Storage, tables: list[list[int]]
) -> None:
    every = [each for ids in tables for each in ids]
    assert write(storage, tables) == len(every)
    with storage.as_local_path("sorted.parquet") as path:
        before = path.read_bytes()
        with pq.ParquetFile(path) as file:
            assert ids_of(file.read()) == every
            assert file.metadata.metadata[b"a"] == b"b"
            groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [len(every[begin : begin + 2]) for begin in range(0, len(every), 2)]
    for others in ([every], [[each] for each in every], [every[:1], [], every[1:]]):
        write(storage, others)
        with storage.as_local_path("sorted.parquet") as path:
            assert path.read_bytes() == before


@pytest.mark.parametrize(
    "tables",
    [[[2, 1]], [[1, 1]], [[1, 2], [2, 3]], [[1, 5], [2, 9]], [[1, 5], [2, 6, 7]], [[1, 2], [3, 3]], [[1, 2], [1]]],
)
def test_rows_out_of_order_and_repeated_ids_are_refused_and_the_file_stays(
    storage: Storage, tables: list[list[int]]
) -> None:
    write(storage, [[1]])
    with pytest.raises(InternalError, match="not in the order of their ids"):
        write(storage, tables)
    with storage.as_local_path("sorted.parquet") as path:
        assert ids_of(pq.read_table(path)) == [1]


def merged(old: Sequence[Sequence[int]], new: Sequence[Sequence[int]]) -> list[list[int]]:
    return [ids_of(each) for each in replaced(map(table, old), map(table, new))]


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ([], [], []),
        ([[1, 2], [3]], [], [[1, 2], [3]]),
        ([], [[1], [2]], [[1], [2]]),
        ([[], [1]], [[], []], [[1]]),
        # As much at once as both have.
        ([[1, 2]], [[3, 4]], [[1, 2], [3, 4]]),
        ([[3, 4]], [[1, 2]], [[1, 2], [3, 4]]),
        ([[1, 4], [6]], [[2, 3, 5], [7, 8]], [[1, 2, 3, 4], [5], [6], [7, 8]]),
        ([[1], [], [9]], [[2], [3]], [[1], [2], [3], [9]]),
    ],
)
def test_two_sorted_streams_become_one(
    old: list[list[int]], new: list[list[int]], pieces: list[list[int]]
) -> None:
    assert merged(old, new) == pieces


def test_any_two_streams_keep_all_rows_in_order() -> None:
    rng = Random(3)
    for _ in range(60):
        ids = range(rng.randrange(12))
        sides = [rng.random() < 0.5 for _ in ids]
        streams = []
        for wanted in (True, False):
            own = [each for each, side in zip(ids, sides, strict=True) if side == wanted]
            cuts = sorted(rng.choices(range(len(own) + 1), k=rng.randrange(3)))
            streams.append([own[begin:end] for begin, end in pairwise([0, *cuts, len(own)])])
        assert [each for piece in merged(*streams) for each in piece] == list(ids)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Arrow's files as they are opened; one that is read was closed by its writer."""
    opened: list[Any] = []
    written: dict[str, Any] = {}
    real = pa.OSFile

    def opening(path: str, *mode: str) -> Any:
        assert mode or written[path].closed
        opened.append(real(path, *mode))
        written.setdefault(path, opened[-1])
        return opened[-1]

    monkeypatch.setattr(pa, "OSFile", opening)
    return opened


def left_in(storage: Storage) -> int:
    """How many temporary files there are."""
    return storage.remove_stale("")


@pytest.mark.parametrize(
    ("ids", "buckets"),
    [
        ([], []),
        ([4], [[4]]),
        ([4, 6], [[4, 6]]),
        ([4, 6, 7], [[4, 6], [7]]),
        ([1, 2, 3, 4, 5, 6, 7], [[1, 2], [3, 4], [5, 6], [7]]),
    ],
)
def test_buckets_sort_rows_that_arrive_in_any_order(
    storage: Storage, files: list[Any], ids: list[int], buckets: list[list[int]]
) -> None:
    some, others = ids[::-1][::2], ids[::-1][1::2]
    with Buckets(storage, "rows/kept.parquet", np.array(ids, np.int64), SCHEMA) as found:
        for each in (some, [], others):
            if each or ids:
                found.add(table(each))
        assert [ids_of(each) for each in found.tables()] == buckets
        assert len(files) == (2 * len(buckets) if len(ids) > 2 else 0)
    assert all(each.closed for each in files)
    assert left_in(storage) == 0


def test_rows_that_nobody_reads_leave_no_file(storage: Storage, files: list[Any]) -> None:
    def interrupted() -> None:
        with Buckets(storage, "rows/kept.parquet", np.arange(5), SCHEMA) as buckets:
            buckets.add(table([3, 1, 2]))
            assert len(files) == 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(each.closed for each in files)
    assert left_in(storage) == 0


class FullStorage(FolderStorage):
    """A folder in which there is place for two temporary files."""

    places = 2

    @contextmanager
    def temp_file(self, name: str) -> Iterator[Path]:
        self.places -= 1
        if self.places < 0:
            raise KeyboardInterrupt
        with super().temp_file(name) as path:
            yield path


def test_files_that_were_made_before_one_fails_are_removed(tmp_path: Path, files: list[Any]) -> None:
    storage = FullStorage(tmp_path)
    with pytest.raises(KeyboardInterrupt), Buckets(storage, "rows/kept.parquet", np.arange(5), SCHEMA):
        pass
    assert [each.closed for each in files] == [True, True]
    assert left_in(storage) == 0


def test_streams_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def stream(*tables: list[int]) -> Iterator[pa.Table]:
        for ids in tables:
            read.extend(ids)
            yield table(ids)

    pieces = replaced(stream([1], [5]), stream([2, 3], [9]))
    assert ids_of(next(pieces)) == [1]
    assert read == [1, 2, 3]
