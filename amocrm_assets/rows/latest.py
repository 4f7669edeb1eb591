"""Selects, from all versions of each record, the one that becomes its row.

The version with the greatest (time, capture, line) is selected; the time is `updated_at` in most tables. The stub
of a deleted record has no other columns, so the row keeps those of the last full version and adds that the record
is deleted, and since when.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from amocrm_assets.rows.day_rows import PickedVersions
from amocrm_assets.rows.json_values import INT64_MIN
from amocrm_assets.rows.keys import keys_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import pyarrow as pa

    from amocrm_assets.rows.record_batches import RecordBatchBuilder
    from amocrm_assets.rows.record_types import Record, RecordTypes

# Records that are converted to columns at once: few, so that they are still in the CPU cache.
_BATCH_RECORDS = 128
_BATCH_BYTES = 8_000_000
# Records, or their bytes, in a kept batch. Picking from few batches is fast; Arrow's limit is 2 GB a column.
_KEPT_RECORDS = 4_096
_KEPT_BYTES = 64_000_000
_IDS_GATHERED = 1_000_000


class LatestVersions:
    """Versions that may become rows, in record batches, numbered in the order of reading."""

    def __init__(self, maker: RecordBatchBuilder, types: RecordTypes) -> None:
        """A deleted record without any of the columns `stubs_lack` is a stub; if the entity has none, nothing is.

        If the selected version of a live record is not whole (it was read without details such as contacts), a
        whole version with the same time replaces it, so that such a read removes nothing from rows.
        """
        self._maker = maker
        self._time, self._time_of = types.table.time, types.time_of
        self._keys = keys_of(types.table)
        self._number_of = self._keys.number_of
        self._is_stub_record = stub_test(types.entity.stubs_lack)
        self._is_deleted_record = types.is_deleted
        self._is_whole_record = types.is_whole or (lambda _: True)
        # Indexed by version number; ids are numbers of keys (`keys`).
        self._ids = array("q")
        self._updated_at = array("q")
        self._is_stub = array("b")
        self._is_whole = array("b")
        self._is_deleted = array("b")
        self._sizes = array("q")
        # The first version number of each capture; and by record, the rank of the newest full version and of the
        # newest stub in the captures before the present one.
        self._begins: list[int] = []
        self._known: tuple[dict[int, int], dict[int, int]] = {}, {}
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        # Every record of every capture, to verify at the end that each has a row.
        self._captured = CapturedIds()
        self._small: list[pa.RecordBatch] = []
        self._small_bytes = 0
        self._batches: list[pa.RecordBatch] = []

    def begin_capture(self) -> None:
        """Start the next older capture: versions that are kept from now on come from it."""
        for number in range(self._begins[-1] if self._begins else 0, len(self._ids)):
            known, record_id = self._known[self._is_stub[number]], self._ids[number]
            rank = _rank(self._updated_at[number], self._is_whole[number])
            known[record_id] = max(rank, known.get(record_id, rank))
        self._begins.append(len(self._ids))

    def keep(self, records: Sequence[Record | None], *, sizes: Sequence[int]) -> dict[int, int]:
        """Keep versions that no newer capture has superseded; returns version numbers by position in `records`."""
        kept = {place: each for place, each in enumerate(records) if each and not self._is_outdated(each)}
        first = len(self._ids)
        self._captured.add([self._number_of(each) for each in records if each])
        self._ids.extend(map(self._number_of, kept.values()))
        self._updated_at.extend(map(self._seconds_of, kept.values()))
        self._is_stub.extend(map(self._is_stub_record, kept.values()))
        self._is_whole.extend(map(self._is_whole_record, kept.values()))
        self._is_deleted.extend(map(self._is_deleted_record, kept.values()))
        self._sizes.extend([sizes[place] for place in kept])
        self._waiting += kept.values()
        kept_bytes = sum(self._sizes[first:])
        self._small_bytes += kept_bytes
        self._waiting_bytes += kept_bytes
        if len(self._waiting) >= _BATCH_RECORDS or self._waiting_bytes >= _BATCH_BYTES:
            self._make_batch()
        if len(self._small) * _BATCH_RECORDS >= _KEPT_RECORDS or self._small_bytes >= _KEPT_BYTES:
            self._join_batches()
        return dict(zip(kept, range(first, len(self._ids)), strict=True))

    def _is_outdated(self, record: Record) -> bool:
        known = self._known[self._is_stub_record(record)].get(self._number_of(record))
        return known is not None and _rank(self._seconds_of(record), self._is_whole_record(record)) <= known

    def _seconds_of(self, record: Record) -> int:
        at = self._time_of(record)
        return INT64_MIN if at is None else at

    def pick(self) -> PickedVersions:
        """The version of each record that becomes its row."""
        import numpy as np

        self._join_batches()
        ids = self._keys.ranked(np.array(self._ids, np.int64))
        picked, deleted_at = self._picked(ids)
        return PickedVersions(
            keys=self._keys,
            time=self._time,
            picked=picked,
            ids=ids[picked],
            sizes=np.array(self._sizes, np.int64),
            batches=self._batches,
            captured_ids=np.sort(self._keys.ranked(self._captured.sorted())),
            deleted_at=deleted_at,
        )

    def _picked(self, ids: np.ndarray) -> tuple[np.ndarray, dict[int, int | None]]:
        """Numbers of the picked versions, sorted by record; by version number, the time of a later stub."""
        import numpy as np

        updated_at = np.array(self._updated_at, np.int64)
        is_stub = np.array(self._is_stub, np.bool_)
        ages = np.repeat(np.arange(len(self._begins)), np.diff([*self._begins, len(ids)]))
        ranked = np.lexsort((-ages, updated_at, ids))  # stable: within a capture the later line sorts last
        places = np.empty_like(ranked)
        places[ranked] = np.arange(len(ranked))
        fulls = _last_of_each(ids, ranked[~is_stub[ranked]])
        stubs = _last_of_each(ids, ranked[is_stub[ranked]])
        alone = stubs[~np.isin(ids[stubs], ids[fulls])]
        picked = np.concatenate([fulls, alone])
        _, of_fulls, of_stubs = np.intersect1d(ids[fulls], ids[stubs], assume_unique=True, return_indices=True)
        pairs = zip(fulls[of_fulls].tolist(), stubs[of_stubs].tolist(), strict=True)
        deleted_at = {
            full: None if updated_at[stub] == INT64_MIN else int(updated_at[stub])
            for full, stub in pairs
            if places[stub] > places[full]
        }
        picked = picked[np.argsort(ids[picked])]
        replacements = self._whole_replacements(picked, ids, updated_at, ranked)
        if replacements:
            picked = np.array([replacements.get(version, version) for version in picked.tolist()], np.int64)
        return picked, {replacements.get(version, version): since for version, since in deleted_at.items()}

    def _whole_replacements(
        self, picked: np.ndarray, ids: np.ndarray, updated_at: np.ndarray, ranked: np.ndarray
    ) -> dict[int, int]:
        """By picked version of a live record that is not whole, a whole version with the same time."""
        import numpy as np

        is_whole, is_deleted = (np.array(each, np.bool_) for each in (self._is_whole, self._is_deleted))
        partial = picked[~is_whole[picked] & ~is_deleted[picked]].tolist()
        if not partial:
            return {}
        wanted = {(ids[version], updated_at[version]) for version in partial}
        whole = (version for version in ranked.tolist() if is_whole[version] and not is_deleted[version])
        found = {key: version for version in whole if (key := (ids[version], updated_at[version])) in wanted}
        return {
            version: found[key] for version in partial if (key := (ids[version], updated_at[version])) in found
        }

    def _make_batch(self) -> None:
        if self._waiting:
            first = len(self._sizes) - len(self._waiting)
            self._small.append(self._maker.batch(self._waiting, first_version=first))
            self._waiting, self._waiting_bytes = [], 0

    def _join_batches(self) -> None:
        import pyarrow as pa

        self._make_batch()
        if self._small:
            self._batches += pa.Table.from_batches(self._small).combine_chunks().to_batches()
            self._small, self._small_bytes = [], 0


class CapturedIds:
    """The ids of records in captures, without most duplicates: a day may be captured thousands of times."""

    def __init__(self) -> None:
        self._ids = array("q")
        self._unique_ids = 0

    def __len__(self) -> int:
        """How many ids are in memory, including duplicates that are not removed yet."""
        return len(self._ids)

    def add(self, ids: Sequence[int]) -> None:
        """Add ids."""
        self._ids.extend(ids)
        if len(self._ids) > 2 * self._unique_ids + _IDS_GATHERED:
            self._ids = array("q", self.sorted().tobytes())
            self._unique_ids = len(self._ids)

    def sorted(self) -> np.ndarray:
        """The distinct ids, sorted."""
        import numpy as np

        return np.unique(np.array(self._ids, np.int64))


def _rank(updated_at: int, is_whole: int) -> int:
    """The sort key of a record's versions, without their capture."""
    return 2 * updated_at + is_whole


def stub_test(columns: Sequence[str]) -> Callable[[Record], bool]:
    """Returns a function: whether a record is deleted and each of `columns` is null or an empty list."""
    if not columns:
        return lambda _: False

    def is_stub(record: Record) -> bool:
        if record.is_deleted is not True:
            return False
        return all(getattr(record, column) in (None, []) for column in columns)

    return is_stub


def _last_of_each(ids: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """The last version of each record; `ranked` are versions sorted by (record, rank)."""
    import numpy as np

    return ranked[np.append(np.diff(ids[ranked]) != 0, [True] * bool(len(ranked))).astype(np.bool_)]
