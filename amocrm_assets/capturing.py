"""From amoCRM into captures: reads days completely and stores each one as soon as all of its records are read.

This connects `crm` and `captures`: records are assigned to their days, a day is published when no more records of
it can come, and if a read stops, nothing is left of unfinished days.
"""

from __future__ import annotations

from bisect import bisect_right
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

from amocrm_assets.captures import CaptureHeader, CaptureWriter, reading_finding
from amocrm_assets.captures.privacy import RecordLines
from amocrm_assets.crm.account import account_of_client, read_custom_fields
from amocrm_assets.crm.connecting import require_account
from amocrm_assets.crm.http.account_lock import account_lock
from amocrm_assets.crm.pagination.pages import MAX_ID, MIN_ID
from amocrm_assets.crm.pagination.read_stats import PerDayStats
from amocrm_assets.crm.pagination.readers import reader_of
from amocrm_assets.crm.probe import read_probe
from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.days import Window, consecutive_ranges, day_window
from amocrm_assets.errors import UnexpectedAnswer
from amocrm_assets.reading_rules import EarlierCaptures, require_over, require_own

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterator, Sequence

    from amocrm_assets.captures import PublishedCapture
    from amocrm_assets.captures.privacy import FieldsByPath
    from amocrm_assets.crm.account import Account
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.read_stats import Metadata
    from amocrm_assets.crm.pagination.readers import ReadRecord
    from amocrm_assets.crm.probe import ProbeState
    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

LOCK_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class CapturedDay:
    """A captured day, with the metadata of its materialisation."""

    day: date
    capture: PublishedCapture
    metadata: Metadata


def capture_days(
    entity: Entity,
    source: SourceSettings,
    days: Sequence[date],
    *,
    client: AmoCrmClient,
    storage: Storage,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    run_id: str | None = None,
) -> Generator[CapturedDay]:
    """Read days from amoCRM, consecutive ones in one pass, and publish a capture for each.

    Yields each day as soon as its capture is published; yielded days stay if a later one fails. The captures
    contain the `run_id`. Raises `Busy` while another run reads the account, `DayNotOver`, `NotAuthorised` and
    `CapturesMixed` for another account than the source's, and any error that stops the read.
    """
    with account_lock(
        source.subdomain, limiter=client.rate_limiter, storage=storage, wait_seconds=lock_wait_seconds
    ):
        storage.remove_stale(entity.captures_folder(source.subdomain))
        earlier, probe = EarlierCaptures(entity, storage, source), read_probe(storage, source.subdomain)
        for span in consecutive_ranges(sorted(set(days))):
            reading = _DayRangeCapture(
                entity, source, span, client=client, storage=storage, earlier=earlier, probe=probe, run_id=run_id
            )
            yield from reading.run()


class _DayRangeCapture:
    """One read of consecutive days."""

    def __init__(
        self,
        entity: Entity,
        source: SourceSettings,
        days: Sequence[date],
        *,
        client: AmoCrmClient,
        storage: Storage,
        earlier: EarlierCaptures,
        probe: ProbeState,
        run_id: str | None,
    ) -> None:
        self._entity = entity
        self._source = source
        self._lines = RecordLines(entity, source, storage)
        self._earlier = earlier
        self._run_id = run_id
        self._client = client
        self._storage = storage
        self._windows = {day: day_window(day, source.zone) for day in days}
        self._starts = [window.from_at for window in self._windows.values()]
        self._days = list(days)
        self._open = {day: _OpenDay() for day in days}
        # Days for which a record came after they were published; each gets a second capture at the end.
        self._late: dict[date, _OpenDay] = {}
        self._late_records = 0
        lists = entity.lists(with_deleted=source.import_deleted)
        self._whole = Window(self._windows[days[0]].from_at, self._windows[days[-1]].to_at)
        now = datetime.now(UTC)
        self._probe = probe.line(now)
        self._reader = reader_of(client, self._whole, lists, traits=probe.traits(now, entity))
        self._cost = PerDayStats(client, self._reader)

    def run(self) -> Iterator[CapturedDay]:
        # The account is requested while the first records are read: doing it first would cost two round trips.
        with DaemonPool(2, name="amocrm-account", scope=self._client.scope) as pool:
            account = pool.submit(account_of_client, self._client)
            custom_fields = pool.submit(self._read_custom_fields)
            account_info = _AccountInfo(
                partial(self._reader.wait_beside, account), partial(self._reader.wait_beside, custom_fields)
            )
            try:
                with closing(self._reader.batches()) as batches:
                    for records in batches:
                        self._keep(records, account_info)
                        yield from self._publish_passed(account_info)
                yield from self._publish_passed(account_info)
                self._publish_late()
            finally:
                for open_day in [*self._open.values(), *self._late.values()]:
                    open_day.discard()

    def _read_custom_fields(self) -> FieldsByPath:
        return {path: read_custom_fields(self._client, path) for path in self._lines.field_paths}

    def _keep(self, records: Sequence[ReadRecord], account_info: _AccountInfo) -> None:
        account = account_info.account()
        require_own(self._source, account, self._entity.table.records, (record.account_id for record in records))
        for record in records:
            day = self._day_of(record)
            open_day = self._open.get(day)
            if open_day is None:
                # Its day was already read completely: the record moved into it, or comes from another paginator.
                self._late_records += 1
                open_day = self._late.setdefault(day, _OpenDay())
            if open_day.is_new(record):
                lines = self._lines.kept(record.line, account_info.custom_fields)
                self._writer(day, open_day, account_info).add(lines)

    def _publish_late(self) -> None:
        while self._late:
            _, late_day = self._late.popitem()
            if late_day.writer is not None:
                late_day.writer.publish(map(reading_finding, self._reader.progress.findings))

    def _day_of(self, record: ReadRecord) -> date:
        """The day of a record. Raises `UnexpectedAnswer` for a record that could not become a row."""
        key, at = record.key, record.at
        number = key[-1] if isinstance(key, tuple) else key
        if isinstance(number, int) and not MIN_ID <= number <= MAX_ID:
            raise self._refused(f"with the id {number}, which has more than 64 bits")
        if not self._whole.holds(at):
            raise self._refused(f"with the {self._entity.time} {at}, outside of the requested window")
        return self._days[bisect_right(self._starts, at) - 1]

    def _refused(self, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"Reading {self._entity.table.records} of {self._source.title}",
            cause=f"amoCRM sent a {self._entity.table.record} {what}. It could not become a row.",
            fix="Report this. Nothing is written for unfinished days.",
            source=self._source.subdomain,
        )

    def _publish_passed(self, account_info: _AccountInfo) -> Iterator[CapturedDay]:
        passed = [day for day in self._open if not self._reader.may_still_yield(self._windows[day])]
        for day, cost in zip(passed, self._cost.allocate(len(passed)), strict=True):
            writer = self._writer(day, self._open[day], account_info)
            # Check again: by now there are enough responses with a time that a single wrong one does not decide.
            self._require_over(day, account_info, last=True)
            open_day = self._open.pop(day)
            open_day.writer = None
            capture = writer.publish(map(reading_finding, self._reader.progress.findings))
            yield CapturedDay(day, capture, self._metadata(open_day, account_info, capture, cost))

    def _writer(self, day: date, open_day: _OpenDay, account_info: _AccountInfo) -> CaptureWriter:
        if open_day.writer is None:
            open_day.writer = CaptureWriter(
                self._entity, self._storage, self._header(day, account_info), after=self._earlier.newest_of(day)
            )
        return open_day.writer

    def _header(self, day: date, account_info: _AccountInfo) -> CaptureHeader:
        account = account_info.account()
        window = self._windows[day]
        require_account(self._source, account)
        self._earlier.require_same(account)
        self._require_over(day, account_info)
        return CaptureHeader(
            subdomain=self._source.subdomain,
            day=day,
            from_at=window.from_at,
            to_at=window.to_at,
            timezone=self._source.timezone,
            captured_at=account_info.started_at,
            account_id=account.id,
            run_id=self._run_id,
            fields=self._lines.definitions(account_info.custom_fields()),
            privacy=self._lines.note,
            tells_findings=True,
        )

    def _require_over(self, day: date, account_info: _AccountInfo, *, last: bool = False) -> None:
        clock, started_at = self._client.server_clock, account_info.started_at
        require_over(self._source, day, self._windows[day], started_at, clock, last=last)

    def _metadata(
        self, open_day: _OpenDay, account_info: _AccountInfo, capture: PublishedCapture, cost: Metadata
    ) -> Metadata:
        account = account_info.account()
        metadata: Metadata = {
            "records": capture.records,
            "capture": self._storage.uri(capture.name),
            "size_bytes": capture.size_bytes,
            "account": f"{account.name} ({account.id})",
            "account_timezone": account.timezone or "unknown",
            "probe": self._probe,
            **self._earlier.hash_key(self._lines.note),
            **cost,
        }
        metadata["duplicates"] = float(str(metadata["duplicates"])) + open_day.duplicates
        metadata["edited_into_read_days"] = self._late_records
        return metadata


@dataclass
class _OpenDay:
    """An unfinished day: its unfinished capture, and the records in it."""

    writer: CaptureWriter | None = None
    duplicates: int = 0
    _kept: dict[Hashable, int] = field(default_factory=dict)

    def is_new(self, record: ReadRecord) -> bool:
        # The same record with other content is also stored; `rows` selects the version.
        content = hash(record.line)
        if self._kept.get(record.key) == content:
            self.duplicates += 1
            return False
        self._kept[record.key] = content
        return True

    def discard(self) -> None:
        if self.writer is not None:
            self.writer.discard()


@dataclass(frozen=True)
class _AccountInfo:
    """The account's own data, requested while records are being read."""

    account: Callable[[], Account]
    custom_fields: Callable[[], FieldsByPath]
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
