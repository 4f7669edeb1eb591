"""The assets of a source, a chain for each entity: captures → rows → shards, with a partition for each day.

What they have in common is here: keys, partitions and specs; for changing them see `translation`. `capturing`,
`rows` and `warehouse` process the days; the modules below call them, with the days and the locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import STAGES
from amocrm_assets.entities.latest import declared, with_latest
from amocrm_assets.entities.loads import LOADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.orchestration.documents import not_imported
from amocrm_assets.orchestration.metadata_keys import EXPLAINED, explained
from amocrm_assets.orchestration.names import LATER, RETENTION
from amocrm_assets.orchestration.partitions import partitions_of
from amocrm_assets.orchestration.translation import (
    ASSET,
    SUBDOMAIN,
    TIMEZONE,
    AmoCrmAsset,
    is_translated,
    require_own_keys,
    translated,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.entities.reference import ReferenceTable
    from amocrm_assets.settings import SourceSettings


def asset_key(source: SourceSettings, name: str) -> dg.AssetKey:
    """The key of an asset of the source."""
    if not is_translated(source):
        return dg.AssetKey([source.key, name])
    return translated(source, AmoCrmAsset(name, source.subdomain, _untranslated(source, name))).key


def raw_key(entity: Entity, source: SourceSettings) -> dg.AssetKey:
    """The asset with captures."""
    return asset_key(source, entity.raw_asset)


def rows_key(table: Table, source: SourceSettings) -> dg.AssetKey:
    """The asset with rows."""
    return asset_key(source, table.asset)


def shards_key(table: Table, source: SourceSettings) -> dg.AssetKey:
    """The asset with shards."""
    return asset_key(source, table.warehouse_name)


def priority_of(entity: Entity, table: Table) -> dict[str, str]:
    """Tags of the op of a table's asset: in one process, the entity's main table is first."""
    return {} if table.asset == entity.table.asset else LATER


def raw_reference_key(source: SourceSettings) -> dg.AssetKey:
    """The asset with captures of the reference lists."""
    return asset_key(source, REFERENCE.raw_asset)


def reference_key(source: SourceSettings, table: ReferenceTable) -> dg.AssetKey:
    """The asset of a reference table."""
    return asset_key(source, table.asset)


def reference_keys(source: SourceSettings) -> list[dg.AssetKey]:
    """The assets of the reference lists; none if the source does not import them."""
    if not source.import_reference:
        return []
    return [raw_reference_key(source), *(reference_key(source, table) for table in REFERENCE_TABLES)]


def retention_key(source: SourceSettings) -> dg.AssetKey:
    """The asset that removes old captures."""
    return asset_key(source, RETENTION)


def loads_key(source: SourceSettings) -> dg.AssetKey:
    """The asset `amoCrmLoads`, which exists if there are reference tables."""
    return asset_key(source, LOADS.asset)


def loads_keys(source: SourceSettings) -> list[dg.AssetKey]:
    """The asset `amoCrmLoads`; none if the source does not import the reference lists."""
    return [loads_key(source)] if source.import_reference else []


def latest_key(table: Table, source: SourceSettings) -> dg.AssetKey:
    """The asset of the flat table of a table that declares one."""
    return asset_key(source, declared(table).warehouse_name)


def latest_keys(source: SourceSettings, entities: Iterable[Entity]) -> list[dg.AssetKey]:
    """The assets of the source's flat tables."""
    return [latest_key(entity.table, source) for entity in with_latest(entities, wanted=source.has_latest_table)]


def stages_keys(source: SourceSettings, entities: Iterable[Entity]) -> list[dg.AssetKey]:
    """The asset of the table of stages, if the source imports the events for it."""
    imported = any(entity.name == STAGES.events.name for entity in entities)
    return [asset_key(source, STAGES.warehouse_name)] if imported else []


def asset_spec(
    source: SourceSettings,
    name: str,
    *,
    description: str,
    kinds: set[str],
    deps: list[dg.AssetKey] | None = None,
    metadata: Mapping[str, Any] | None = None,
    freshness_policy: dg.FreshnessPolicy | None = None,
    is_partitioned: bool = True,
    entities: Sequence[Entity] = (),
    group: str | None = None,
) -> dg.AssetSpec:
    """The spec of an asset: what all assets of a source have in common, its own part, and the translation.

    `entities` are the ones it belongs to, if any.
    """
    spec = _untranslated(
        source,
        name,
        metadata,
        deps=deps,
        description=f"{not_imported(source, entities)}{description}",
        kinds=kinds,
        freshness_policy=freshness_policy,
        partitions_def=partitions_of(source) if is_partitioned else None,
        group_name=group or source.key,
    )
    return translated(source, AmoCrmAsset(name, source.subdomain, spec))


def _untranslated(
    source: SourceSettings, name: str, metadata: Mapping[str, Any] | None = None, **own: Any
) -> dg.AssetSpec:
    return dg.AssetSpec(
        [source.key, name],
        metadata={
            ASSET: name,
            SUBDOMAIN: source.subdomain,
            TIMEZONE: source.timezone,
            "account_url": dg.MetadataValue.url(source.url),
            EXPLAINED: explained(name),
            **(metadata or {}),
        },
        owners=source.owners,
        tags=source.tags,
        **own,
    )


def chain_names(entity: Entity) -> list[str]:
    """The names of an entity's assets, in the order of the data, independent of their keys."""
    return [entity.raw_asset, *(name for table in entity.tables for name in (table.asset, table.warehouse_name))]


def chain_keys(entity: Entity, source: SourceSettings) -> list[dg.AssetKey]:
    """The assets of an entity, in the order of the data."""
    return [asset_key(source, name) for name in chain_names(entity)]


def asset_keys(source: SourceSettings, entities: Sequence[Entity]) -> list[dg.AssetKey]:
    """All assets of some entities. Raises `SettingsError` if a translation gives two assets one key."""
    require_own_keys(source, all_keys(source, entities))
    return [key for entity in entities for key in chain_keys(entity, source)]


def all_keys(source: SourceSettings, entities: Sequence[Entity]) -> list[dg.AssetKey]:
    """All assets of a source that has these entities, those without entities included."""
    return [
        *(key for entity in entities for key in chain_keys(entity, source)),
        *reference_keys(source),
        *loads_keys(source),
        *latest_keys(source, entities),
        *stages_keys(source, entities),
        *_retention(source),
    ]


def _retention(source: SourceSettings) -> list[dg.AssetKey]:
    return [retention_key(source)] if source.keep_captures_days else []
