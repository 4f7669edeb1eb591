"""The step of an asset in the warehouse: loads the rows of its days, and reports each shard or its error.

For replacing and verifying a shard see `warehouse`, for columns in addition to those of rows
`rows.shard_names`; for the asset `assets.shards`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.errors import ActionRequired, TransientError
from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.metadata import PARTITION_ROW_COUNT, load_metadata
from amocrm_assets.orchestration.previews import MAX_DAYS, rows_preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    import dagster as dg

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.orchestration.steps import StepDays
    from amocrm_assets.rows.shard_names import ShardRows
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import ShardLoad, Warehouse


def load_shards(
    context: dg.AssetExecutionContext,
    entity: Entity,
    table: Table,
    source: SourceSettings,
    *,
    days: StepDays,
    storage: Storage,
    warehouse: Warehouse,
) -> None:
    """Replace the shards of all days; a shard that fails does not affect the others."""
    from amocrm_assets.rows.shard_names import shard_rows

    errors: list[Exception] = []
    warnings: list[str] = []
    with shard_rows(table, storage, source) as rows:
        loads = list(_loads(rows, days.wanted, errors))
        for load, outcome in warehouse.load(loads, storage, run_id=context.run.run_id):
            if isinstance(outcome, Exception):
                errors.append(outcome)
                continue
            warnings += outcome.warnings
            # Without custom fields: the launch of the rows may have dropped names, which is not known here.
            seen = {"without_name": count} if (count := rows.nameless.get(load.day)) else dict[str, Any]()
            if len(loads) <= MAX_DAYS:
                seen |= rows_preview(entity, load.table, storage, source, load.day, custom_fields=False)
            days.done(load.day, load_metadata(outcome, count=PARTITION_ROW_COUNT) | seen)
    if rows.nameless:
        context.log.warning("%s", _without_names(table, rows.nameless))
    if warnings:  # each is in the metadata of its day
        context.log.warning("%d warnings about loaded shards, for example: %s", len(warnings), warnings[0])
    if errors:
        raise decisive(errors)


def decisive(errors: Sequence[Exception]) -> Exception:
    """Of several errors, one that needs a manual fix if there is one: a retry would end there, too."""
    return next((error for error in errors if not isinstance(error, TransientError)), errors[0])


def _without_names(table: Table, nameless: Mapping[date, int]) -> str:
    return (
        f"{sum(nameless.values())} {table.records} have ids that are in no reference table, so their shard has no"
        f" name for them: {in_words(list(nameless))}. Once `raw_reference` has been read, materialise"
        f" `{table.warehouse_name}` for these days again, which sends no requests to amoCRM."
    )


def _loads(rows: ShardRows, days: Sequence[date], errors: list[Exception]) -> Iterator[ShardLoad]:
    """The load of each day that has rows; the errors of the others are added to `errors`."""
    from amocrm_assets.warehouse import ShardLoad

    for day in days:
        try:
            name, row_count = rows.of(day)
        except ActionRequired as error:
            errors.append(error)
        else:
            yield ShardLoad(rows.table, rows.subdomain, day, name, row_count)
