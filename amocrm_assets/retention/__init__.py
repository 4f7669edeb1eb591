"""Retention: captures older than `keep_captures_days` are replaced by a file of what their rows were made of.

A day's old captures become one file in the same format: of each record the version that became its row, with the
properties of columns and the selected custom fields. It is then the day's oldest capture, so no row is lost.
Nothing is removed unless the rows exist and equal those made from the captures, before and after. If it is killed
at any point and repeated, the result is the same.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.captures import captures_by_day, captures_of_day, open_capture
from amocrm_assets.errors import ActionRequired, AmoCrmAssetsError, TransientError
from amocrm_assets.forgetting.report import read_reports
from amocrm_assets.retention.replaying import Replay
from amocrm_assets.retention.stand_in import StandInWriter
from amocrm_assets.rows import rows_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime

    from amocrm_assets.captures import CaptureFound
    from amocrm_assets.entities import Entity
    from amocrm_assets.retention.stand_in import StandIn
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

LOCK_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class RemovedCaptures:
    """The number of removed captures of a day, and their custom fields that the source does not select."""

    entity: str
    day: date
    captures: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeldBack:
    """A day whose old captures remain, why, and what to do first."""

    entity: str
    day: date
    why: str
    fix: str


def remove_old_captures(
    entity: Entity,
    storage: Storage,
    source: SourceSettings,
    *,
    before: datetime,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
) -> Iterator[RemovedCaptures | HeldBack]:
    """Remove what was captured before a time, day by day; days without anything that old are not in the result.

    Raises `Busy` while a run holds the account, and errors of the storage. An error of one day affects only
    that day.
    """
    for day, captures in captures_by_day(entity, storage, source.subdomain).items():
        if not _removable(captures, before):
            continue
        with storage.lock(f"locks/{source.subdomain}", wait_seconds=lock_wait_seconds):
            _require_no_request(storage, source)
            outcome = _of_day(entity, storage, source, day, before)
        yield outcome


def _removable(captures: Iterable[CaptureFound], before: datetime) -> list[CaptureFound]:
    """The old ones of a day's captures; none if only a replacement file is old."""
    old = [each for each in captures if each.captured_at < before]
    return [] if all(each.is_replacement for each in old) else old


def _of_day(
    entity: Entity, storage: Storage, source: SourceSettings, day: date, before: datetime
) -> RemovedCaptures | HeldBack:
    try:
        return _remove(entity, storage, source, day, before)
    except TransientError:
        raise
    except AmoCrmAssetsError as error:  # the result of this day; others are not affected
        return HeldBack(entity.name, day, f"{error.operation}: {error.cause}", error.fix)


def _remove(
    entity: Entity, storage: Storage, source: SourceSettings, day: date, before: datetime
) -> RemovedCaptures:
    with ExitStack() as stack:
        captures = captures_of_day(entity, storage, source.subdomain, day)
        old = _removable(captures, before)
        # Tables that are switched off have no rows to wait for; their data are kept nevertheless.
        replay = Replay(entity.for_source(source), storage, source, day, [each.name for each in old])
        names = sorted(rows_name(table, source.subdomain, each) for table in entity.tables for each in replay.days)
        for name in names:  # no other process is making rows from these captures
            stack.enter_context(storage.lock(name, wait_seconds=LOCK_WAIT_SECONDS))
        wanted = replay.rows_that_are_there()
        storage.remove_stale(entity.captures_folder(source.subdomain, day))
        made = StandInWriter(entity, storage, source, captures)
        stand_ins = []
        for each in made.written_for(old):
            stack.callback(each.writer.discard)
            stand_ins.append(each)
        replay.require_same(wanted, {each.name: each.writer for each in stand_ins})
        removed = _replace(entity, storage, old, stand_ins)
    return RemovedCaptures(entity.name, day, removed, tuple(made.left_out))


def _replace(entity: Entity, storage: Storage, old: Sequence[CaptureFound], stand_ins: Sequence[StandIn]) -> int:
    """Publish the replacement of old captures, then remove those; returns their number."""
    for each in stand_ins:
        each.writer.publish_over(each.name)
        with open_capture(entity, storage, each.name) as capture:
            for _ in capture.records:  # raises if the file is damaged
                pass
    kept = {each.name for each in stand_ins}
    gone = [each.name for each in old if each.name not in kept]
    for name in gone:
        storage.delete(name)
    return len(gone)


def _require_no_request(storage: Storage, source: SourceSettings) -> None:
    """An interrupted request to forget a person refers to captures by name: it must end first."""
    open_requests = [each.request for each in read_reports(storage, source.subdomain) if each.status != "done"]
    if open_requests:
        raise ActionRequired(
            f"Removing old captures of {source.title}",
            cause=f"the request {open_requests[0]} to forget a person was interrupted.",
            fix=f"Run `amocrm-assets forget {source.subdomain}` again with the words of that request.",
            source=source.subdomain,
        )
