"""The history of one reference table: versions of each record, from captures in chronological order.

A version begins at the capture that first contains it and ends where the next version begins. The first version
begins at the record's creation or in 1970, so that it covers older leads. Records are never removed: a deleted
record keeps its last values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.reference.records import placeholders_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from amocrm_assets.entities.reference import ReferenceTable
    from amocrm_assets.rows.reference.records import Key, ListedRecord, TableReading, Values

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """The values of a record from `valid_from` (inclusive) to `valid_to` (exclusive; None: still valid).

    `first_seen_at` is None for a record that was in no list yet.
    """

    key: Key
    values: Values
    valid_from: datetime
    valid_to: datetime | None = None
    first_seen_at: datetime | None = None
    is_deleted: bool = False
    deleted_at: datetime | None = None


class History:
    """The versions of a table's records; later captures can be added."""

    def __init__(self, table: ReferenceTable, versions: Iterable[Version] = ()) -> None:
        """`versions` are those of an earlier history, in chronological order within a key."""
        self._table = table
        self._versions: dict[Key, list[Version]] = {}
        for version in versions:
            self._versions.setdefault(version.key, []).append(version)
        self._placeholders = placeholders_of(table)
        self.add_placeholders(self._placeholders)

    def add_placeholders(self, placeholders: Mapping[Key, Values]) -> bool:
        """Add a version of each of these records that was in no list yet. Returns whether anything changed."""
        changed = False
        for key, values in placeholders.items():
            held = self._versions.get(key)
            if held is None or (held[-1].first_seen_at is None and held[-1].values != values):
                self._versions[key] = [Version(key, values, BEGINNING)]
                changed = True
        return changed

    def add(self, at: datetime, reading: TableReading) -> None:
        """Add a capture of time `at`, which must be later than those added before."""
        for key, seen in reading.records.items():
            self._add_listed(at, key, seen)
        if reading.is_complete:
            for key in self._versions.keys() - reading.records.keys() - self._placeholders.keys():
                self._add_absent(at, key)

    def versions(self) -> Iterator[Version]:
        """All versions, sorted by key and time."""
        for key in sorted(self._versions):
            yield from self._versions[key]

    def _add_listed(self, at: datetime, key: Key, seen: ListedRecord) -> None:
        versions = self._versions.get(key)
        if versions is None or versions[-1].first_seen_at is None:
            self._versions[key] = [Version(key, seen.values, _begin(at, seen), first_seen_at=at)]
        elif versions[-1].values != seen.values or versions[-1].is_deleted:
            self._change(
                at, versions, replace(versions[-1], values=seen.values, is_deleted=False, deleted_at=None)
            )

    def _add_absent(self, at: datetime, key: Key) -> None:
        versions = self._versions[key]
        # A record that was in no list yet is not deleted if a list lacks it.
        if not versions[-1].is_deleted and versions[-1].first_seen_at is not None:
            self._change(at, versions, replace(versions[-1], is_deleted=True, deleted_at=at))

    def _change(self, at: datetime, versions: list[Version], new: Version) -> None:
        versions[-1] = replace(versions[-1], valid_to=at)
        versions.append(replace(new, valid_from=at))


def _begin(at: datetime, seen: ListedRecord) -> datetime:
    """Where the first version of a record begins: at its creation if that is known, else in 1970."""
    created_at = seen.created_at or 0
    return datetime.fromtimestamp(created_at, UTC) if 0 < created_at <= at.timestamp() else BEGINNING


def row_of(table: ReferenceTable, version: Version, *, is_current: bool) -> dict[str, Any]:
    """The row of a version."""
    properties = {
        column.name: [dict(zip([part.name for part in column.columns], item, strict=True)) for item in value]
        if column.type == "RECORD"
        else value
        for column, value in zip(table.properties, version.values, strict=True)
    }
    return properties | {
        "valid_from": version.valid_from,
        "valid_to": version.valid_to,
        "first_seen_at": version.first_seen_at,
        "is_current": is_current,
        "is_deleted": version.is_deleted,
        "deleted_at": version.deleted_at,
    }


def version_of(table: ReferenceTable, row: dict[str, Any]) -> Version:
    """The version of a row."""
    values = tuple(
        tuple(tuple(item[part.name] for part in column.columns) for item in row[column.name])
        if column.type == "RECORD"
        else row[column.name]
        for column in table.properties
    )
    return Version(
        key=tuple(row[name] for name in table.key),
        values=values,
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        first_seen_at=row["first_seen_at"],
        is_deleted=row["is_deleted"],
        deleted_at=row["deleted_at"],
    )
