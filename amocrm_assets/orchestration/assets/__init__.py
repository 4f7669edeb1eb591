"""The assets of a source, a chain for each entity: captures → rows → shards, with a partition for each day.

What they have in common is here: keys, partitions, how they present themselves. What is done with the days is
known to `capturing`, `rows` and `warehouse`; the modules below put it together: which days, under which lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.orchestration.io_manager import SUBDOMAIN, TIMEZONE
from amocrm_assets.orchestration.partitions import partitions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import SourceSettings


def raw_key(entity: Entity, source: SourceSettings) -> dg.AssetKey:
    """Captures: what amoCRM answered."""
    return dg.AssetKey([source.key, entity.raw_asset])


def rows_key(table: Table, source: SourceSettings) -> dg.AssetKey:
    """Rows: captures understood."""
    return dg.AssetKey([source.key, table.asset])


def shards_key(table: Table, source: SourceSettings) -> dg.AssetKey:
    """Shards: rows in the warehouse."""
    return dg.AssetKey([source.key, table.warehouse_name])


def op_name(key: dg.AssetKey) -> str:
    """Name of the op that materialises an asset, which a run's configuration and the step's events bear."""
    return "__".join(key.path)


def asset_spec(
    source: SourceSettings,
    key: dg.AssetKey,
    *,
    description: str,
    kinds: set[str],
    deps: list[dg.AssetKey] | None = None,
    metadata: Mapping[str, Any] | None = None,
    freshness_policy: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    """What the assets of a source have in common, and what this one adds."""
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        metadata={SUBDOMAIN: source.subdomain, TIMEZONE: source.timezone, **(metadata or {})},
        group_name=source.key,
        owners=source.owners,
        tags=source.tags,
        kinds=kinds,
        partitions_def=partitions_of(source),
        freshness_policy=freshness_policy,
    )


def chain_keys(entity: Entity, source: SourceSettings) -> list[dg.AssetKey]:
    """The assets of an entity, in the order of the data."""
    tables = [key for table in entity.tables for key in (rows_key(table, source), shards_key(table, source))]
    return [raw_key(entity, source), *tables]
