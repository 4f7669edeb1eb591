"""Writes the files of the reference tables; only captures that a file does not contain yet are read.

A file's metadata says which captures it was made from. If they are not the oldest of the present captures (one was
removed, or an older one was added), the table is rebuilt from all captures.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures import all_captures, open_capture, read_header
from amocrm_assets.captures.forgotten import without_tombstones
from amocrm_assets.captures.privacy import ListLines, digest_of, missing_rules, privacy_of
from amocrm_assets.entities.reference import REFERENCE
from amocrm_assets.errors import ActionRequired, CapturesMixed
from amocrm_assets.privacy import PrivacyRules
from amocrm_assets.rows.json_values import load_json
from amocrm_assets.rows.reference.history import History, Version, row_of, version_of
from amocrm_assets.rows.reference.records import ListRecords, TableReading, placeholders_of, read_table
from amocrm_assets.rows.reference.seen import SeenIds, refresh_seen_ids
from amocrm_assets.rows.seal import sealed_file, sealed_path
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa
    import pyarrow.parquet as pq

    from amocrm_assets.captures import CaptureFound
    from amocrm_assets.entities.reference import ReferenceTable
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

_LOCK_WAIT_SECONDS = 600.0
# The captures that a file was made from: their number, and a digest of their names.
_COUNT, _DIGEST = "amocrm_assets_captures", "amocrm_assets_captures_sha256"
# The version of the rules that make rows from captures: a file with another version is rebuilt.
_VERSION_KEY, _VERSION = "amocrm_assets_history", "1"
# A digest of the rules for personal data: if they changed, the file may hold data that it must not.
_RULES_KEY = "amocrm_assets_privacy_sha256"
# A digest of the values that the source's settings add to rows.
_SETTINGS_KEY = "amocrm_assets_settings_sha256"

Fill = Callable[["ReferenceTable", list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class TableWritten:
    """A table's file, and whether its newest capture was complete. `current` counts records not deleted."""

    name: str
    row_count: int
    current: int
    captures: int
    is_complete: bool
    oddities: dict[str, int]


def write_reference_tables(
    tables: Sequence[ReferenceTable],
    storage: Storage,
    subdomain: str,
    *,
    source: SourceSettings | None = None,
    fill: Fill | None = None,
    days: tuple[date, date] | None = None,
) -> dict[str, TableWritten]:
    """Update tables from all captures; returns the results by asset name.

    Ids that occur in leads but in no list get a row, too. The leads of `days` (first and last; None: all days) are
    read again, and those of days that were never read. Privacy rules of the `source` are applied to old captures,
    too. `fill` returns, for each row of a table, the values of its columns `from_settings`. Raises
    `ActionRequired` without captures, `CaptureDamaged`, `CapturesMixed`, `Busy`, `SettingsError` if the key for
    hashing is missing, and errors of the storage.
    """
    rules = privacy_of(source) if source else PrivacyRules()
    with storage.lock(f"rows/{subdomain}/reference", wait_seconds=_LOCK_WAIT_SECONDS):
        captures = all_captures(REFERENCE, storage, subdomain)
        if not captures:
            raise _no_captures(subdomain)
        _require_one_account(storage, subdomain, captures)
        builders = {table.asset: _resumed(table, storage, subdomain, captures, rules) for table in tables}
        for number in range(min(each.folded for each in builders.values()), len(captures)):
            lists = _lists_of(storage, captures[number].name, source, rules)
            for each in builders.values():
                each.add_capture(number, captures[number], lists)
        seen = refresh_seen_ids(storage, subdomain, days)
        for each in builders.values():
            each.add_seen(seen)
        # The newest capture is read even if it is not new: its oddities are reported every time.
        last = _lists_of(storage, captures[-1].name, source, rules)
        newest = {table.asset: read_table(table, last) for table in tables}
        return {
            each.table.asset: each.write(storage, subdomain, captures, newest[each.table.asset], (rules, fill))
            for each in builders.values()
        }


def reference_rows(
    table: ReferenceTable, storage: Storage, subdomain: str, columns: Sequence[str]
) -> pa.Table | None:
    """Some columns of a table; None if its file is missing or damaged."""
    import pyarrow.parquet as pq

    with sealed_path(storage, table.rows_name(subdomain)) as path:
        return None if path is None else pq.read_table(path, columns=list(columns))


@dataclass
class _TableBuilder:
    """Updates a table from what its file holds; `folded` is the number of captures that the file was made from."""

    table: ReferenceTable
    history: History
    folded: int
    is_written: bool
    filled: str | None = None
    """The digest of the values from settings in the existing file."""

    def add_capture(self, number: int, capture: CaptureFound, lists: dict[str, ListRecords]) -> None:
        if number >= self.folded:
            self.history.add(capture.captured_at, read_table(self.table, lists))
            self.is_written = False

    def add_seen(self, seen: SeenIds) -> None:
        """Add a row for each id that occurs in leads only."""
        if self.history.add_placeholders(placeholders_of(self.table, seen.placeholders(self.table.asset))):
            self.is_written = False

    def write(
        self,
        storage: Storage,
        subdomain: str,
        captures: Sequence[CaptureFound],
        newest: TableReading,
        settings: tuple[PrivacyRules, Fill | None],
    ) -> TableWritten:
        name, versions = self.table.rows_name(subdomain), list(self.history.versions())
        rules, fill = settings
        added, filled = self._from_settings(versions, fill)
        if not self.is_written or filled != self.filled:
            made_of = {_COUNT: str(len(captures)), _DIGEST: _digest(captures), _VERSION_KEY: _VERSION}
            if rules:
                made_of[_RULES_KEY] = digest_of(rules)
            rows = [row_of(self.table, each, is_current=each.valid_to is None) for each in versions]
            rows = [row | more for row, more in zip(rows, added, strict=True)]
            _write(self.table, storage, name, rows, made_of | {_SETTINGS_KEY: filled})
        return TableWritten(
            name=name,
            row_count=len(versions),
            current=sum(each.valid_to is None and not each.is_deleted for each in versions),
            captures=len(captures),
            is_complete=newest.is_complete,
            oddities=dict(newest.oddities),
        )

    def _from_settings(self, versions: Sequence[Version], fill: Fill | None) -> tuple[list[dict[str, Any]], str]:
        """The values from settings for each row, and their digest."""
        added: list[dict[str, Any]] = [{} for _ in versions]
        if fill and self.table.from_settings:
            rows = [row_of(self.table, each, is_current=each.valid_to is None) for each in versions]
            added = fill(self.table, rows)
        return added, sha256(json.dumps(added).encode()).hexdigest() if self.table.from_settings else ""


def _resumed(
    table: ReferenceTable, storage: Storage, subdomain: str, captures: Sequence[CaptureFound], rules: PrivacyRules
) -> _TableBuilder:
    """A builder with the history in the table's file if the file can be continued, otherwise an empty one."""
    import pyarrow.parquet as pq

    schema = arrow_schema(table)
    with sealed_path(storage, table.rows_name(subdomain)) as path:
        if path is not None:
            with pq.ParquetFile(path) as file:
                made_of = _made_of_metadata(file)
                count = _made_of(made_of, captures, rules)
                if count and file.schema_arrow.remove_metadata().equals(schema):
                    versions = [version_of(table, row) for row in file.read().to_pylist()]
                    filled = made_of.get(_SETTINGS_KEY, "")
                    return _TableBuilder(table, History(table, versions), count, is_written=True, filled=filled)
    return _TableBuilder(table, History(table), 0, is_written=False)


def _made_of_metadata(file: pq.ParquetFile) -> dict[str, str]:
    metadata = file.metadata.metadata or {}
    return {key.decode(): text.decode() for key, text in metadata.items() if key.startswith(b"amocrm_assets")}


def _made_of(metadata: dict[str, str], captures: Sequence[CaptureFound], rules: PrivacyRules) -> int:
    """How many captures a file was made from; 0 if they are not the first of `captures`, or rules differ."""
    count = int(metadata.get(_COUNT, 0))
    same_rules = metadata.get(_RULES_KEY) == (digest_of(rules) if rules else None)
    fits = same_rules and metadata.get(_VERSION_KEY) == _VERSION
    return count if fits and metadata.get(_DIGEST) == _digest(captures[:count]) else 0


def _digest(captures: Sequence[CaptureFound]) -> str:
    return sha256("\n".join(each.name for each in captures).encode()).hexdigest()


def _lists_of(
    storage: Storage, name: str, source: SourceSettings | None, rules: PrivacyRules
) -> dict[str, ListRecords]:
    """The lists of a capture, decoded, after the privacy rules were applied."""
    with open_capture(REFERENCE, storage, name) as capture:
        lines = list(capture.records)
    kept = ListLines(source, missing_rules(rules, capture.header.privacy))
    lists: dict[str, ListRecords] = {}
    begin = 0
    for each in capture.header.lists or ():
        own = (kept.written(each.name, line) for line in without_tombstones(lines[begin : begin + each.records]))
        records = [load_json(line.decode("utf-8", "replace")) for line in own]
        lists[each.name] = ListRecords(records, each.is_complete)
        begin += each.records
    return lists


def _write(
    table: ReferenceTable, storage: Storage, name: str, rows: list[dict[str, Any]], made_of: dict[str, str]
) -> None:
    import pyarrow as pa

    schema = arrow_schema(table)
    with sealed_file(storage, name, schema, made_of) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _require_one_account(storage: Storage, subdomain: str, captures: Sequence[CaptureFound]) -> None:
    """Raise `CapturesMixed` if the first and the last capture are of different accounts."""
    first, last = (read_header(REFERENCE, storage, each.name).account_id for each in (captures[0], captures[-1]))
    if first != last:
        raise CapturesMixed(
            f"Making the reference tables of {subdomain}",
            cause=f"the first capture is of amoCRM account {first}, the last of account {last}.",
            fix="Move the captures of the wrong account to another folder (docs/captures.md).",
            source=subdomain,
        )


def _no_captures(subdomain: str) -> ActionRequired:
    return ActionRequired(
        f"Making the reference tables of {subdomain}",
        cause="the reference lists have not been read yet.",
        fix="Materialise `raw_reference` first.",
        source=subdomain,
    )
