"""Checks that records with an event on a day were captured for that day or a later one. Sends no request.

A record that was edited again before its day was read is in a later day's capture. So a day is compared only when
every day from it to the date of its first capture has rows of both tables; until then its result is "waiting".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from amocrm_assets.captures import captures_by_day
from amocrm_assets.entities import AGREEMENT
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.stored import days_with_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from amocrm_assets.entities import Agreement
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    Types = dict[int, set[str]]


@dataclass(frozen=True)
class DayAgreement:
    """The result for one day: the types of events, by record id, of records that no row from that day on has.

    `missing` records certainly should have a row, `doubtful` ones perhaps: those that were deleted on that day
    should be in the trash, which is read with `import_deleted`, but may have been purged. `deleted` counts absent
    records that were deleted on that day or later. `is_waiting`: later days must be read first.
    """

    missing: dict[int, set[str]] = field(default_factory=dict)
    doubtful: dict[int, set[str]] = field(default_factory=dict)
    deleted: int = 0
    is_waiting: bool = False


def agreement_of_days(
    storage: Storage, source: SourceSettings, days: Collection[date], agreement: Agreement = AGREEMENT
) -> dict[date, DayAgreement]:
    """The result of each of `days` that has rows of both tables. Raises `RowsDamaged` if rows are damaged."""
    subdomain = source.subdomain
    records, events = (
        set(days_with_rows(each.table, storage, subdomain)) for each in (agreement.of, agreement.events)
    )
    first_read = _first_capture_dates(storage, source, agreement)
    both = records & events
    wanted = both.intersection(days)
    results: dict[date, DayAgreement] = {}
    seen: set[int] = set()
    later = _Later()
    for day in sorted((each for each in records | events if wanted and each >= min(wanted)), reverse=True):
        if day in records:
            seen.update(rows_table(agreement.of.table, storage, subdomain, day, columns=["id"])["id"].to_pylist())
        happened = _types(storage, subdomain, day, agreement) if day in events else {}
        later.add(happened, agreement)
        if day in wanted:
            absent = {record: types for record, types in happened.items() if record not in seen}
            is_read = all(each in both for each in _up_to(day, first_read.get(day, date.max)))
            compared = later.compared(absent, agreement, with_deleted=source.import_deleted)
            results[day] = compared if is_read else DayAgreement(is_waiting=bool(absent))
    return dict(sorted(results.items()))


def days_to_compare(
    storage: Storage, source: SourceSettings, first: date, last: date, agreement: Agreement = AGREEMENT
) -> list[date]:
    """The days with events that are within `first` and `last`, or whose first capture was made on one of these.

    That date is the last one which such a day waits for: those of a backfill can be compared on the day after it.
    """
    first_read = _first_capture_dates(storage, source, agreement)
    return [
        day
        for day in days_with_rows(agreement.events.table, storage, source.subdomain)
        if any(first <= at <= last for at in (day, first_read.get(day, day)))
    ]


def _up_to(first: date, last: date) -> Iterator[date]:
    """All days from `first` to `last`, both included."""
    while first <= last:
        yield first
        first += timedelta(days=1)


def _first_capture_dates(storage: Storage, source: SourceSettings, agreement: Agreement) -> dict[date, date]:
    """By day, the date on which it was captured for the first time."""
    return {
        day: min(each.captured_at for each in captures).astimezone(source.zone).date()
        for day, captures in captures_by_day(agreement.of, storage, source.subdomain).items()
    }


def _types(storage: Storage, subdomain: str, day: date, agreement: Agreement) -> Types:
    """The types of the events of a day, by record id."""
    wanted = agreement.certain | agreement.uncertain | {agreement.deleted, agreement.merged}
    columns = ["entity_type", "entity_id", "type"]
    rows = rows_table(agreement.events.table, storage, subdomain, day, columns=columns)
    types: Types = {}
    for entity_type, record, kind in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        if entity_type == agreement.entity_type and kind in wanted and record is not None:
            types.setdefault(record, set()).add(kind)
    return types


class _Later:
    """Records that were deleted or merged on a day or later: lists no longer return them."""

    def __init__(self) -> None:
        self._deleted: set[int] = set()
        self._merged: set[int] = set()

    def add(self, happened: Types, agreement: Agreement) -> None:
        self._deleted.update(record for record, types in happened.items() if agreement.deleted in types)
        self._merged.update(record for record, types in happened.items() if agreement.merged in types)

    def compared(self, absent: Types, agreement: Agreement, *, with_deleted: bool) -> DayAgreement:
        alive = {record: types for record, types in absent.items() if record not in self._deleted}
        certain = {
            record: types & agreement.certain
            for record, types in alive.items()
            if types & agreement.certain and record not in self._merged
        }
        if len(certain) <= len(self._merged):  # amoCRM does not say which merged record an event belongs to
            certain = {}
        doubtful = {
            record: matching
            for record, types in alive.items()
            if record not in certain and (matching := types & (agreement.certain | agreement.uncertain))
        }
        gone = {
            record: {agreement.deleted}
            for record, types in absent.items()
            if with_deleted and agreement.deleted in types and record not in self._merged
        }
        return DayAgreement(certain, doubtful | gone, len(absent) - len(alive))


def counted(types_by_record: dict[int, set[str]]) -> Counter[str]:
    """How many records had events of each type."""
    return Counter(kind for types in types_by_record.values() for kind in types)
