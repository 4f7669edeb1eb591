"""Checks of data in the storage and in the warehouse. They run after the assets, and alone at any time.

Shards are compared in `shard_comparison`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.entities import Table
from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration.assets import rows_key, shards_key
from amocrm_assets.orchestration.checks import verdict
from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.partitions import days_of_run
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.shard_comparison import compare_shards, materialised_days
from amocrm_assets.rows.stored import days_with_rows, repeated_ids
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage


def stored_checks_of(table: Table, source: SourceSettings) -> list[dg.AssetChecksDefinition]:
    """`ids_unique` of the rows and `equals_rows` of the shards of a table."""
    return [_ids_unique(table, source), _equals_rows(table, source)]


def _ids_unique(table: Table, source: SourceSettings) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=rows_key(table, source),
        name="ids_unique",
        # Rows with duplicate ids never become a shard.
        blocking=True,
        description=(
            f"A {table.record} is in the rows of a day once, whatever number of captures the day has. Run alone,"
            " it looks at every day that has rows."
        ),
    )
    def ids_unique(context: dg.AssetCheckExecutionContext, amocrm: AmoCrmDeployment) -> dg.AssetCheckResult:
        storage = amocrm.storage()
        days = _days(context, table, source, storage)
        repeated: dict[date, list[str]] = {}
        unreadable: dict[date, str] = {}
        for day in days:
            try:
                repeated[day] = repeated_ids(table, storage, source.subdomain, day)
            except ActionRequired as error:  # a damaged file fails its own day only
                unreadable[day] = f"{error.cause} {error.fix}"
        bad = {day: ids for day, ids in repeated.items() if ids}
        return verdict(
            "ids_unique",
            bad=sorted([*bad, *unreadable]),
            of=repeated | unreadable,
            severity=dg.AssetCheckSeverity.ERROR,
            message=f"{table.records.capitalize()} are in the rows of a day more than once, or its rows cannot be"
            " read.",
            fix=f"Materialise `{table.asset}` for these days again.",
            example_ids=", ".join(str(each) for ids in bad.values() for each in ids[:3]),
            unreadable="; ".join(f"{day}: {message}" for day, message in list(unreadable.items())[:5]),
        )

    return ids_unique


def _equals_rows(table: Table, source: SourceSettings) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=shards_key(table, source),
        name="equals_rows",
        description=(
            "Every day that Dagster shows as materialised has a shard in the warehouse and rows in the storage, no"
            f" shard is going to expire, and the shards of the run hold as many rows as `{table.asset}` has for"
            " their day, by the warehouse's own count. Run alone, it counts the rows of every day."
        ),
    )
    def equals_rows(context: dg.AssetCheckExecutionContext, amocrm: AmoCrmDeployment) -> dg.AssetCheckResult:
        found = compare_shards(
            table,
            source,
            amocrm.storage(),
            amocrm.warehouse(),
            materialised=materialised_days(context.instance, table, source),
            bounds=days_of_run(context.run),
        )
        return verdict(
            "equals_rows",
            bad=found.bad_days,
            of=dict.fromkeys([*found.looked_at, *found.bad_days]),
            severity=dg.AssetCheckSeverity.ERROR,
            message=found.cause,
            fix=found.fix,
            description=str(found),
            examples=found.examples,
            gone=in_words(found.gone),
            without_rows=in_words(found.without_rows),
            expiring=in_words(list(found.expiring)),
            loaded_otherwise=in_words(found.otherwise),
        )

    return equals_rows


def _days(
    context: dg.AssetCheckExecutionContext, table: Table, source: SourceSettings, storage: "Storage"
) -> list[date]:
    """The days of the run that have rows; all days with rows for a run without days."""
    days = days_with_rows(table, storage, source.subdomain)
    bounds = days_of_run(context.run)
    return days if bounds is None else [day for day in days if bounds[0] <= day <= bounds[1]]
