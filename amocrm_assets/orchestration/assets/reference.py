"""The assets of the reference lists: `raw_reference` keeps them, `amoCrmPipelines` and the others are their
tables.

They have no partitions: a run of the source reads them once, after the leads. For reading lists see
`capturing_reference`, for making tables of captures `rows.reference`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES, ReferenceTable
from amocrm_assets.errors import ActionRequired, AmoCrmAssetsError
from amocrm_assets.orchestration.amocrm_resource import client_of_run, settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, raw_reference_key, reference_key
from amocrm_assets.orchestration.assets.whole_tables import whole_table_spec
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.loading_step import decisive
from amocrm_assets.orchestration.locations import storage_folder
from amocrm_assets.orchestration.markdown import code, escape
from amocrm_assets.orchestration.names import (
    BACKFILL,
    DEPLOYMENT,
    LATER,
    op_name,
    pool_name,
    reference_group,
    resource_key,
)
from amocrm_assets.orchestration.partitions import days_of_run
from amocrm_assets.orchestration.reference_checks import list_results, lists_of, newest_lists, reference_specs
from amocrm_assets.orchestration.reference_metadata import reading_metadata, table_metadata
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.source_entities import imported, scheduled
from amocrm_assets.orchestration.steps import whole_step
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.captures import CapturedList
    from amocrm_assets.rows.reference import TableWritten
    from amocrm_assets.storage import Storage


def raw_reference_of(source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one source that stores the lists."""

    @dg.multi_asset(
        name=op_name(source, REFERENCE.raw_asset),
        specs=[_raw_spec(source)],
        pool=pool_name(source),
        op_tags=LATER,
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def raw_reference(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from amocrm_assets.capturing_reference import capture_reference

        amocrm: AmoCrmDeployment = context.resources.amocrm
        # The client has retried for minutes; if the leads failed for the same reason, waiting again does not help.
        with whole_step(context, replace(retries, count=0)):
            settings, storage = settings_of_run(context, source), amocrm.storage()
            if _was_read_by_this_backfill(context, storage, source):
                return dg.MaterializeResult(metadata={"read": "before, by another run of this backfill"})
            with client_of_run(context, settings) as client:
                read = capture_reference(
                    settings,
                    client=client,
                    storage=storage,
                    lock_wait_seconds=amocrm.lock_wait_seconds,
                    run_id=context.run.run_id,
                )
        return dg.MaterializeResult(metadata=reading_metadata(storage, read))

    return raw_reference


def _raw_spec(source: SourceSettings) -> dg.AssetSpec:
    return asset_spec(
        source,
        REFERENCE.raw_asset,
        entities=scheduled(source),
        kinds={"amocrm", "json"},
        is_partitioned=False,
        group=reference_group(source),
        description=(
            f"Pipelines, users, loss reasons, task types, groups, custom fields and tags of {escape(source.title)}"
            f" ({code(source.url)}), exactly as amoCRM sent them.\n\nEach reading is kept as one capture and never"
            " changed: the history in the tables is built from all of them."
        ),
        metadata=storage_folder(REFERENCE.captures_folder(source.subdomain)),
    )


def _was_read_by_this_backfill(
    context: dg.AssetExecutionContext, storage: "Storage", source: SourceSettings
) -> bool:
    """Whether the newest capture is of a run of the same backfill, which may have a run for each day."""
    from amocrm_assets.captures import all_captures, read_header

    backfill = context.run.tags.get(BACKFILL)
    captures = all_captures(REFERENCE, storage, source.subdomain) if backfill else []
    run_id = read_header(REFERENCE, storage, captures[-1].name).run_id if captures else None
    run = context.instance.get_run_by_id(run_id) if run_id and run_id != context.run.run_id else None
    return run is not None and run.tags.get(BACKFILL) == backfill


def reference_tables_of(source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The assets of one source that are its reference tables."""

    @dg.multi_asset(
        name=op_name(source, "reference_tables"),
        specs=[_table_spec(source, table) for table in REFERENCE_TABLES],
        check_specs=reference_specs(source),
        can_subset=True,
        op_tags=LATER,
    )
    def reference_tables(
        context: dg.AssetExecutionContext, amocrm: AmoCrmDeployment
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        with whole_step(context, retries):
            storage = amocrm.storage()
            lists = newest_lists(storage, source)
            loading = _TableLoading(source, lists, _selected(context, source), context.run)
            if not loading.tables:
                yield from _checks_alone(context, source, lists)
                return
            # A slower, older run must not overwrite the tables of a newer one.
            with storage.lock(f"locks/{source.subdomain}-reference", wait_seconds=amocrm.lock_wait_seconds):
                yield from loading.load(amocrm, storage)
            loading.raise_errors()

    return reference_tables


def _checks_alone(
    context: dg.AssetExecutionContext, source: SourceSettings, lists: Mapping[str, "CapturedList"]
) -> Iterator[dg.AssetCheckResult]:
    """The checks that were launched without their tables."""
    asked = {key.asset_key for key in context.selected_asset_check_keys}
    for table in REFERENCE_TABLES:
        if reference_key(source, table) in asked:
            yield list_results(source, table, lists)


_TABLES = {table.asset: table for table in REFERENCE_TABLES}


def _selected(context: dg.AssetExecutionContext, source: SourceSettings) -> list[ReferenceTable]:
    return [table for table in REFERENCE_TABLES if reference_key(source, table) in context.selected_asset_keys]


def _table_spec(source: SourceSettings, table: ReferenceTable) -> dg.AssetSpec:
    return whole_table_spec(
        source,
        table,
        entities=scheduled(source),
        deps=[raw_reference_key(source)],
        group=reference_group(source),
        description=(
            f"The {table.records} of {escape(source.title)} with their history, as the table"
            f" `{table.name_of(source.subdomain, None)}` of the warehouse: a row for each change that a reading"
            " saw."
            f"\n\nKey: {', '.join(f'`{name}`' for name in table.key)} and `valid_from`. A row once seen is never"
            f" deleted ({page('reference.md')})."
        ),
    )


class _TableLoading:
    """Loads tables into the warehouse; one that fails does not affect the others."""

    def __init__(
        self,
        source: SourceSettings,
        lists: Mapping[str, "CapturedList"],
        tables: Sequence[ReferenceTable],
        run: dg.DagsterRun,
    ) -> None:
        self.tables = tables
        self._source = source
        self._lists = lists
        self._run_id = run.run_id
        self._days = days_of_run(run)
        self._errors: list[Exception] = []

    def load(
        self, amocrm: AmoCrmDeployment, storage: "Storage"
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        from amocrm_assets.rows.reference import write_reference_tables
        from amocrm_assets.warehouse import TableLoad

        written = write_reference_tables(
            self.tables,
            storage,
            self._source.subdomain,
            source=self._source,
            fill=self._from_settings,
            days=self._days,
        )
        loads = []
        for table in self.tables:
            rows = written[table.asset]
            if error := self._failed(table):
                self._errors.append(error)
                yield self._verdict(table, rows)
            else:
                loads.append(TableLoad(table, self._source.subdomain, rows.name, rows.row_count))
        for load, outcome in amocrm.warehouse(self._source).load(loads, storage, run_id=self._run_id):
            table = _TABLES[load.table.asset]
            rows, checked = written[table.asset], self._verdict(table, written[table.asset])
            if isinstance(outcome, Exception):
                self._errors.append(outcome)
                yield checked
            else:
                yield dg.MaterializeResult(
                    asset_key=reference_key(self._source, table),
                    metadata=table_metadata(outcome, rows),
                    check_results=[checked],
                )

    def _from_settings(self, _: ReferenceTable, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from amocrm_assets.rows.latest_table import latest_columns

        return latest_columns(imported(self._source), self._source, rows)

    def raise_errors(self) -> None:
        """Raise the errors of single tables, after the others are done."""
        if self._errors:
            raise decisive(self._errors)

    def _verdict(self, table: ReferenceTable, rows: "TableWritten") -> dg.AssetCheckResult:
        return list_results(self._source, table, self._lists, oddities=rows.oddities, is_complete=rows.is_complete)

    def _failed(self, table: ReferenceTable) -> AmoCrmAssetsError | None:
        """The error of a table if one of its lists could not be read; a refused list only fails the check."""
        failed = [each for each in lists_of(table, self._lists) if each.outcome == "failed"]
        if not failed:
            return None
        # A retry of this step would not help: its lists are read by the previous one.
        return ActionRequired(
            f"Making {table.name_of(self._source.subdomain, None)}",
            cause="; ".join(f"list of {each.name}: {each.findings[0].cause}" for each in failed),
            fix=failed[0].findings[0].fix,
            source=self._source.subdomain,
        )
