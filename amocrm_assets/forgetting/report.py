"""The report of a request: what was requested, and the changed files and tables, with checksums before and after.

It is written before anything is changed, so that a repeated request after a kill knows the previous state. It
contains no personal data: values are salted hashes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage


@dataclass(frozen=True)
class ChangedFile:
    """A file of the storage: SHA-256 before and after, and the number of removed or changed records."""

    name: str
    entity: str
    day: str | None
    records: int
    before: str | None
    after: str | None = None


@dataclass(frozen=True)
class ChangedTable:
    """A table of the warehouse that was loaded again: its rows before and after."""

    table: str
    rows_before: int | None
    rows_after: int | None = None


@dataclass(frozen=True)
class Report:
    """The progress of a request. `status` is `done` at the end."""

    request: str
    source: str
    asked_at: str
    ids: dict[str, list[int]]
    values: int
    entries: tuple[str, ...]
    status: Literal["planned", "running", "done"] = "running"
    done_at: str | None = None
    captures: tuple[ChangedFile, ...] = ()
    rows: tuple[ChangedFile, ...] = ()
    tables: tuple[ChangedTable, ...] = ()
    dagster: dict[str, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    """Dagster's runs that contained data of the people, with the materialisations of each."""

    @property
    def records(self) -> int:
        """The number of removed or changed records of captures."""
        return sum(each.records for each in self.captures)


def folder_of(subdomain: str) -> str:
    """The folder of an account's reports."""
    return f"privacy/{subdomain}/requests"


def report_name(subdomain: str, request: str) -> str:
    """Name of a report in the storage."""
    return f"{folder_of(subdomain)}/{request}.json"


def write_report(storage: Storage, report: Report) -> None:
    """Store a report, replacing its earlier state, and a readable text next to it."""
    texts = [
        (report_name(report.source, report.request), json.dumps(asdict(report), indent=1, ensure_ascii=False)),
        (f"{folder_of(report.source)}/{report.request}.txt", in_words(report)),
    ]
    # The first file decides whether a request is done: it is the last to say so, and the first to say that it
    # began.
    for name, text in reversed(texts) if report.status == "done" else texts:
        there = storage.read(name)
        storage.write(name, text.encode(), if_version=there.version if there else None)


def read_reports(storage: Storage, subdomain: str) -> list[Report]:
    """All reports of an account, the oldest first."""
    names = [name for name in storage.names(folder_of(subdomain)) if name.endswith(".json")]
    found = (storage.read(name) for name in names)
    return [_report(json.loads(each.content)) for each in found if each]


def in_words(report: Report) -> str:
    """The report as readable text."""
    what = [f"{kind} {each}" for kind, ids in report.ids.items() for each in ids]
    what += [f"{report.values} value{'s' * (report.values != 1)} (kept as salted hashes)"] * bool(report.values)
    lines = [
        f"Request {report.request} of {report.source}: forget {', '.join(what)}",
        f"asked {report.asked_at}, {report.status}{f' {report.done_at}' if report.done_at else ''}",
    ]
    counts = f"{len(report.captures)} captures, {len(report.rows)} rows files, {len(report.tables)} tables"
    lines.append(f"{report.records} records in {counts}")
    lines += [
        f"  {each.name}: {each.records} records, sha256 {each.before or 'none'} -> {each.after or 'not yet'}"
        for each in (*report.captures, *report.rows)
    ]
    lines += [
        f"  {each.table}: {_count(each.rows_before)} -> {_count(each.rows_after)} rows" for each in report.tables
    ]
    lines += [f"  Dagster: {count} {what}" for what, count in report.dagster.items()]
    return "\n".join(lines) + "\n"


def _count(rows: int | None) -> str:
    return "?" if rows is None else str(rows)


def _report(kept: dict[str, Any]) -> Report:
    report = Report(**kept)
    return replace(
        report,
        entries=tuple(report.entries),
        captures=tuple(ChangedFile(**each) for each in kept["captures"]),
        rows=tuple(ChangedFile(**each) for each in kept["rows"]),
        tables=tuple(ChangedTable(**each) for each in kept["tables"]),
    )
