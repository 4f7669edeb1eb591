"""Personal data in Dagster: previews of records in the metadata of materialisations, and logs of runs.

Dagster cannot change an event. A run whose previews contain the person is deleted with its events and logs, and
its days are reported as materialised again with the rest of their metadata, so that they count as before.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import ENTITIES
from amocrm_assets.orchestration.assets import chain_keys
from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets.orchestration.partitions import materialisations_of_run
from amocrm_assets.settings import dagster_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from amocrm_assets.entities import Entity
    from amocrm_assets.forgetting.report import Report
    from amocrm_assets.privacy.forgotten import ForgottenList
    from amocrm_assets.settings import SourceSettings

# Metadata with records.
_SHOWN = ("preview", "open_in_amocrm")
# The column with the id of the record that a task, a call or an event belongs to.
_OWNER = "entity_id"
_PAGE = 1000


class ForgettingInDagster:
    """Previews and logs of a source's runs in one instance of Dagster with a home folder."""

    def __init__(self, source: SourceSettings, instance: dg.DagsterInstance, home: Path) -> None:
        self._source = source
        self._instance = instance
        self._home = home

    def runs_that_show(self, report: Report, forgotten: ForgottenList) -> dict[str, int]:
        """Ids of the runs whose previews contain the people of a request, with their materialisations."""
        found = sorted(_runs_that_show(self._instance, self._source, report, forgotten))
        return {run: len(materialisations_of_run(self._instance, run)) for run in found}

    def remove(self, runs: Sequence[str]) -> None:
        """Report the materialisations of these runs again, and delete the runs, their logs first."""
        for run in runs:
            _report_again(self._instance, run)
            self._instance.compute_log_manager.delete_logs(prefix=[run])
            if self._instance.has_run(run):
                self._instance.delete_run(run)
        if runs:
            _overwrite_deleted(self._home)


@contextmanager
def forgetting_in_dagster(source: SourceSettings) -> Iterator[ForgettingInDagster | None]:
    """Personal data in Dagster at `DAGSTER_HOME`; None without it."""
    home = dagster_home()
    if home is None:
        yield None
        return
    with dg.DagsterInstance.get() as instance:
        yield ForgettingInDagster(source, instance, Path(home))


def _runs_that_show(
    instance: dg.DagsterInstance, source: SourceSettings, report: Report, forgotten: ForgottenList
) -> set[str]:
    days = {each.day for each in (*report.captures, *report.rows) if each.day}
    return {
        record.run_id
        for entity in ENTITIES
        for key in chain_keys(entity, source)
        for record in _materialisations(instance, key, sorted(days))
        if _shows(entity, record.asset_materialization, report, forgotten)
    }


def _materialisations(instance: dg.DagsterInstance, key: dg.AssetKey, days: list[str]) -> Iterator[Any]:
    cursor = None
    while days:
        found = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=days), limit=_PAGE, cursor=cursor
        )
        yield from found.records
        if not found.has_more:
            return
        cursor = found.cursor


def _shows(
    entity: Entity, event: dg.AssetMaterialization | None, report: Report, forgotten: ForgottenList
) -> bool:
    metadata: Mapping[str, Any] = event.metadata if event else {}
    ids = {str(each) for several in report.ids.values() for each in several}
    for name in _SHOWN:
        text = _text(metadata.get(name))
        if any(f"[{each}](" in text for each in ids) or forgotten.says(text):
            return True
    return any(_hangs_on(entity, cell, ids) for cell in _cells(metadata.get("preview")))


def _hangs_on(entity: Entity, cell: str, ids: set[str]) -> bool:
    """Whether a record of a preview, such as a task, refers to one of the ids, or is cut off before it says so."""
    if not ids or all(_OWNER not in table.preview for table in entity.tables):
        return False
    return cell.endswith("…") or not ids.isdisjoint(re.findall(rf"\b{_OWNER} (\d+)", cell))


def _text(value: Any) -> str:
    """The text of a preview, one cell after the other."""
    if isinstance(value, dg.TableMetadataValue):
        return " ".join(_cells(value)).replace("·", " ")
    return str(getattr(value, "value", value) or "")


def _cells(value: Any) -> Iterator[str]:
    """The cells of a preview, without the places at which the page may break them."""
    if isinstance(value, dg.TableMetadataValue):
        yield from (str(cell).replace(BREAK, "") for record in value.records for cell in record.data.values())


def _report_again(instance: dg.DagsterInstance, run: str) -> None:
    """Report the materialisations of a run again, without previews."""
    for event in materialisations_of_run(instance, run):
        kept = {name: value for name, value in event.metadata.items() if name not in _SHOWN}
        instance.report_runless_asset_event(
            dg.AssetMaterialization(event.asset_key, partition=event.partition, metadata=kept, tags=event.tags)
        )


def _overwrite_deleted(home: Path) -> None:
    """SQLite keeps deleted rows in its files until they are overwritten; PostgreSQL has its own `VACUUM`."""
    for file in sorted(home.glob("history/**/*.db")):
        with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
