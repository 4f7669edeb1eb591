"""Forgets a person, from captures to tables, without requests to amoCRM, and with a report of the changes.

The order makes it safe to be killed: first the plan with all checksums, then the list that later readings apply,
then captures, then rows and tables. If repeated, a request continues.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from amocrm_assets.captures import all_captures
from amocrm_assets.captures.forgotten import (
    count_forgotten,
    digest_of_file,
    new_list,
    read_forgotten,
    rewrite_capture,
    write_forgotten,
)
from amocrm_assets.captures.privacy import privacy_of
from amocrm_assets.entities import ENTITIES
from amocrm_assets.entities.reference import REFERENCE
from amocrm_assets.forgetting.rebuilding import Rebuilding
from amocrm_assets.forgetting.remaining import remaining
from amocrm_assets.forgetting.report import ChangedFile, Report, read_reports, write_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from amocrm_assets.entities import Captured, Entity
    from amocrm_assets.privacy.forgotten import Asked, ForgottenList
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse

LOCK_WAIT_SECONDS = 3600.0


class InDagster(Protocol):
    """Personal data in Dagster's history."""

    def runs_that_show(self, report: Report, forgotten: ForgottenList) -> dict[str, int]:
        """Ids of the runs with data of the people of a request, and the number of materialisations of each."""
        ...

    def remove(self, runs: Sequence[str]) -> None:
        """Remove these runs, some of which may already be removed. What they materialised counts as before."""
        ...


class Forgetting:
    """Requests about people in the data of one source in a storage and a warehouse."""

    def __init__(
        self,
        source: SourceSettings,
        storage: Storage,
        warehouse: Warehouse,
        *,
        entities: tuple[Entity, ...] = ENTITIES,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        self._source = source
        self._storage = storage
        self._warehouse = warehouse
        self._entities = entities
        self._wait = lock_wait_seconds

    def plan(self, asked: Asked) -> Report:
        """What a request would change. Nothing is written."""
        forgotten = self._list()
        entries = forgotten.entries_of(asked, key=privacy_of(self._source).key)
        return replace(self._planned(asked, entries, forgotten.with_entries(entries)), status="planned")

    def carry_out(self, asked: Asked, *, in_dagster: InDagster | None = None) -> Report:
        """Forget a person, or continue an interrupted request. `in_dagster` removes the data in Dagster.

        Raises `Busy` while a run holds the account, `CaptureDamaged`, and errors of storage and warehouse.
        """
        with ExitStack() as stack:
            for name in (f"locks/{self._source.subdomain}", f"locks/{self._source.subdomain}-shards"):
                stack.enter_context(self._storage.lock(name, wait_seconds=self._wait))
            before = self._list()
            entries = before.entries_of(asked, key=privacy_of(self._source).key)
            forgotten = before.with_entries(entries)
            report = self._unfinished(entries)
            if report is None:
                report = self._planned(asked, entries, forgotten)
                self._keep_list(before)  # a killed request is recognised by its salt
                write_report(self._storage, report)
            self._keep_list(forgotten)
            report = self._rewritten(report, forgotten)
            report = Rebuilding(self._source, self._storage, self._warehouse, self._entities).run(report)
            report = self._without_runs(report, forgotten, in_dagster) if in_dagster else report
            report = replace(report, status="done", done_at=_now())
            write_report(self._storage, report)
            return report

    def _without_runs(self, report: Report, forgotten: ForgottenList, in_dagster: InDagster) -> Report:
        """The report lists runs before they are removed, so that a killed request knows the removed ones."""
        runs = {**report.runs, **in_dagster.runs_that_show(report, forgotten)}
        counts = {"runs deleted": len(runs), "materialisations reported again": sum(runs.values())}
        report = replace(report, runs=runs, dagster=counts)
        write_report(self._storage, report)
        in_dagster.remove(list(runs))
        return report

    def reports(self) -> list[Report]:
        """The requests of the account, the oldest first."""
        return read_reports(self._storage, self._source.subdomain)

    def left(self, report: Report) -> list[str]:
        """Where data of the people of a request remain: captures, rows and tables."""
        forgotten = replace(self._list(), entries=frozenset(report.entries))
        captures = [name for _, name, _, _ in self._found(forgotten)]
        found = remaining(
            forgotten,
            self._source.subdomain,
            storage=self._storage,
            warehouse=self._warehouse,
            entities=self._entities,
        )
        return [*captures, *found]

    def _list(self) -> ForgottenList:
        found = read_forgotten(self._storage, self._source.subdomain)
        return new_list(self._source.phone_region) if found is None else found

    def _keep_list(self, forgotten: ForgottenList) -> None:
        if read_forgotten(self._storage, self._source.subdomain) != forgotten:
            write_forgotten(self._storage, self._source.subdomain, forgotten)

    def _unfinished(self, entries: frozenset[str]) -> Report | None:
        same = (each for each in self.reports() if each.status != "done" and frozenset(each.entries) == entries)
        return next(same, None)

    def _planned(self, asked: Asked, entries: Iterable[str], forgotten: ForgottenList) -> Report:
        now = datetime.now(UTC)
        captures = tuple(
            ChangedFile(name, entity.name, day, records, digest_of_file(self._storage, name))
            for entity, name, day, records in self._found(forgotten)
        )
        report = Report(
            request=f"{now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}",
            source=self._source.subdomain,
            asked_at=_now(),
            ids={kind: list(ids) for kind, ids in asked.ids.items() if ids},
            values=len(asked.values),
            entries=tuple(sorted(entries)),
            captures=captures,
        )
        return Rebuilding(self._source, self._storage, self._warehouse, self._entities).planned(report)

    def _found(self, forgotten: ForgottenList) -> Iterator[tuple[Captured, str, str | None, int]]:
        """Captures with records of these people: the entity, the name, its day, and their number."""
        for entity in (*self._entities, REFERENCE):
            for each in all_captures(entity, self._storage, self._source.subdomain):
                if count := count_forgotten(entity, self._storage, each.name, forgotten):
                    day = None if entity is REFERENCE else date.fromisoformat(each.name.split("/")[-2]).isoformat()
                    yield entity, each.name, day, count

    def _rewritten(self, report: Report, forgotten: ForgottenList) -> Report:
        entities: dict[str, Captured] = {each.name: each for each in (*self._entities, REFERENCE)}
        done = []
        for each in report.captures:
            entity = entities[each.entity]
            self._storage.remove_stale(entity.captures_folder(self._source.subdomain))
            now = digest_of_file(self._storage, each.name)
            if now == each.before:
                now = rewrite_capture(entity, self._storage, each.name, forgotten, request=report.request).after
            done.append(replace(each, after=now))
        return replace(report, captures=tuple(done))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
