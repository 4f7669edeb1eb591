"""The three assets of a source: `raw_leads` → `leads` → `amoCrmLeads`, a partition for each day.

What they have in common is here: keys, partitions, how they present themselves. What is done with the days is the
affair of `capturing`, `rows` and `warehouse`; the modules below put it together: which days, under which lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.orchestration.io_manager import SHARDS, SUBDOMAIN, TIMEZONE
from amocrm_assets.orchestration.partitions import partitions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets.entities.reference import ReferenceTable
    from amocrm_assets.settings import SourceSettings


def raw_leads_key(source: SourceSettings) -> dg.AssetKey:
    """Captures: what amoCRM answered."""
    return dg.AssetKey([source.key, "raw_leads"])


def leads_key(source: SourceSettings) -> dg.AssetKey:
    """Rows: captures understood."""
    return dg.AssetKey([source.key, "leads"])


def shards_key(source: SourceSettings) -> dg.AssetKey:
    """Shards: rows in the warehouse."""
    return dg.AssetKey([source.key, SHARDS])


def raw_reference_key(source: SourceSettings) -> dg.AssetKey:
    """Captures of the reference lists."""
    return dg.AssetKey([source.key, REFERENCE.raw_asset])


def reference_key(source: SourceSettings, table: ReferenceTable) -> dg.AssetKey:
    """A reference table in the warehouse."""
    return dg.AssetKey([source.key, table.asset])


def reference_keys(source: SourceSettings) -> list[dg.AssetKey]:
    """The assets of the reference lists; none where the source does not import them."""
    if not source.import_reference:
        return []
    return [raw_reference_key(source), *(reference_key(source, table) for table in REFERENCE_TABLES)]


def asset_spec(
    source: SourceSettings,
    key: dg.AssetKey,
    *,
    description: str,
    kinds: set[str],
    deps: list[dg.AssetKey] | None = None,
    metadata: Mapping[str, Any] | None = None,
    freshness_policy: dg.FreshnessPolicy | None = None,
    is_partitioned: bool = True,
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
        partitions_def=partitions_of(source) if is_partitioned else None,
        freshness_policy=freshness_policy,
    )


def asset_keys(source: SourceSettings) -> list[dg.AssetKey]:
    """The three, in the order of the data."""
    return [raw_leads_key(source), leads_key(source), shards_key(source)]
