"""The Dagster definitions of a source: its assets, checks, job, schedule, and the shared resources.

For each of them see its own module. Only settings are used here: no network, no file, no secret.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster import DagsterError
from pydantic import ValidationError

from amocrm_assets.entities import AGREEMENT, ENTITIES
from amocrm_assets.entities.latest import with_latest
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.agreement import events_agree_of
from amocrm_assets.orchestration.amocrm_resource import AmoCrmResource
from amocrm_assets.orchestration.assets import asset_keys, latest_keys, loads_keys, reference_keys, stages_keys
from amocrm_assets.orchestration.assets.latest import latest_of
from amocrm_assets.orchestration.assets.loads import loads_of
from amocrm_assets.orchestration.assets.raw import raw_of
from amocrm_assets.orchestration.assets.reference import raw_reference_of, reference_tables_of
from amocrm_assets.orchestration.assets.retention import retention_of, retention_schedule
from amocrm_assets.orchestration.assets.rows import rows_of
from amocrm_assets.orchestration.assets.shards import shards_of
from amocrm_assets.orchestration.assets.stages import stages_of
from amocrm_assets.orchestration.automation import automation_of
from amocrm_assets.orchestration.broken import broken_definitions, broken_problem
from amocrm_assets.orchestration.component_library import component_metadata, register_library
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.names import resource_key
from amocrm_assets.orchestration.reference_checks import reference_known_of
from amocrm_assets.orchestration.resources import shared_resources
from amocrm_assets.orchestration.source_entities import imported, scheduled, shown
from amocrm_assets.orchestration.stored_checks import stored_checks_of
from amocrm_assets.orchestration.translation import TranslatedSource, Translation, is_translated
from amocrm_assets.settings import Deployment
from amocrm_assets.settings.alerts import AlertSettings
from amocrm_assets.settings.documents import Problem
from amocrm_assets.settings.source_files import BrokenSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import CodeType, FunctionType

    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.settings.source_files import SourceFound

_LOGGER = logging.getLogger("amocrm_assets")


def source_definitions(
    source: SourceSettings,
    *,
    file: Path | None = None,
    line: int = 1,
    retries: Retries | None = None,
    entities: tuple[Entity, ...] = ENTITIES,
) -> dg.Definitions:
    """Definitions of one source with settings from `file`, if any; none if it is not enabled.

    Each of the imported `entities` has a chain of assets, and all are in one job.
    """
    if not source.enabled:
        return dg.Definitions()
    register_library()
    retries = retries or Retries()
    chains = shown(source, entities)
    asset_keys(source, chains)  # refuses a translation that gives two assets one key
    own = dg.Definitions(
        assets=[
            _linked(asset, made_by=cast("FunctionType", maker).__code__, file=file, line=line)
            for asset, maker in _assets(source, chains, retries, entities)
        ],
        asset_checks=_checks(source, chains),
        resources=shared_resources(Deployment.warehouse_address(), entities)
        | {resource_key(source): AmoCrmResource.from_settings(source)},
    )
    brought = scheduled(source, entities)
    after_rows = [*latest_keys(source, brought), *stages_keys(source, brought), *loads_keys(source)]
    automation = automation_of(source, brought, once_a_run=reference_keys(source), after_rows=after_rows)
    more = [retention_schedule(source)] if source.keep_captures_days else []
    return dg.Definitions.merge(own, automation, *more)


def _assets(
    source: SourceSettings, chains: Sequence[Entity], retries: Retries, entities: tuple[Entity, ...]
) -> Iterator[tuple[dg.AssetsDefinition, Callable[..., Any]]]:
    """The assets in the order of the data, each with the function that makes it."""
    for entity in chains:
        yield raw_of(entity, source, retries), raw_of
        for table in entity.tables:
            yield rows_of(entity, table, source, retries), rows_of
            yield shards_of(entity, table, source, retries), shards_of
    if source.import_reference:
        yield raw_reference_of(source, retries), raw_reference_of
        yield reference_tables_of(source, retries), reference_tables_of
        yield loads_of(source, retries), loads_of
    for entity in with_latest(chains, wanted=source.has_latest_table):
        yield latest_of(entity, source, retries), latest_of
    if stages_keys(source, chains):
        yield stages_of(source, chains, retries), stages_of
    if source.keep_captures_days:
        yield retention_of(source, retries, entities), retention_of


def _checks(source: SourceSettings, chains: Sequence[Entity]) -> list[dg.AssetChecksDefinition]:
    """The checks of stored data, in the storage and in the warehouse."""
    tables = [table for entity in chains for table in entity.tables]
    checks = [check for table in tables for check in stored_checks_of(table, source)]
    if source.import_reference:
        checks.append(reference_known_of(source))
    if {AGREEMENT.of.name, AGREEMENT.events.name} <= {each.name for each in imported(source, chains)}:
        checks.append(events_agree_of(source))
    return checks


def build_source_definitions(
    resource: AmoCrmResource,
    *,
    start_date: str,
    translation: Mapping[str, Any] | Translation | None = None,
    **settings: Any,
) -> dg.Definitions:
    """Assets, checks, job, schedule and resources of one account, in plain Python instead of a `defs.yaml`.

    `settings` are the attributes of `docs/settings.md` that the resource does not have. `translation` is the same
    as in a file, or a function that takes an asset's spec and the `AmoCrmAsset` and returns a spec. Raises
    `SettingsError` with every problem in them.
    """
    as_code = translation if callable(translation) else None
    try:
        source = resource.to_settings(
            start_date=start_date, translation=None if as_code else translation, **settings
        )
        if as_code:
            given = source.model_dump(exclude={"translation"})
            source = TranslatedSource(**given, translation=as_code)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SettingsError(
            f"Building the definitions of the source {resource.subdomain}",
            cause=f"{problems}.",
            fix="Correct the arguments; docs/settings.md describes each of them.",
            source=resource.subdomain,
        ) from error
    return source_definitions(source)


def deployment_definitions(sources: Iterable[SourceFound], broken: Sequence[BrokenSource] = ()) -> dg.Definitions:
    """Definitions of all sources of this project, and of alerts. Every run of it stays in one process.

    Those that are `broken` are shown with their problems, and do not affect the others.
    """
    sources = list(sources)
    return dg.Definitions.merge(
        dg.Definitions(executor=dg.in_process_executor, metadata=component_metadata()),
        alert_definitions([found.settings for found in sources], broken),
        *map(broken_definitions, broken),
        *(source_definitions(found.settings, file=found.file, line=found.line) for found in sources),
    )


def alert_definitions(sources: Sequence[SourceSettings], broken: Sequence[BrokenSource] = ()) -> dg.Definitions:
    """The sensor for the addresses in `AMOCRM_ALERTS`; none without addresses."""
    if not AlertSettings.from_environment().addresses:
        return dg.Definitions()
    from amocrm_assets.orchestration.alerts.sensor import alerts_sensor

    enabled = [source for source in sources if source.enabled]
    return dg.Definitions(sensors=[alerts_sensor(enabled, [broken_problem(each) for each in broken])])


def wrong_translation(found: SourceFound) -> BrokenSource | None:
    """The source as a broken one if its translation fails."""
    source = found.settings
    if not is_translated(source):
        return None
    try:
        source_definitions(source).resolve_all_asset_specs()
    except Exception as error:  # of any code that a template or a method calls
        _LOGGER.exception("The assets of %s cannot be translated", source.subdomain)
        message = f"`translation` or `get_asset_spec` does not work: {_in_a_line(error)}"
        attributes = {"schedule": source.schedule.model_dump(), "timezone": source.timezone}
        return BrokenSource(source.subdomain, source.key, (Problem(found.file, found.line, message),), attributes)
    return None


def _in_a_line(error: BaseException) -> str:
    """The innermost cause. Errors that are neither Dagster's nor ours may contain a secret from a template."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [""]
    # The second is Dagster's error for an unknown name in a template, which has no public class.
    if isinstance(error, SettingsError | DagsterError) or "not found in scope" in lines[-1]:
        return lines[-1]
    return f"{type(error).__name__}; the code location's log has the whole error."


def _linked(asset: dg.AssetsDefinition, *, made_by: CodeType, file: Path | None, line: int) -> dg.AssetsDefinition:
    """The asset with links to its settings, if they are in a file, and to its code."""
    places = [(made_by.co_filename, made_by.co_firstlineno, "code")]
    if file:
        places.insert(0, (str(file), line, "settings"))
    with warnings.catch_warnings():
        # Links to code are a beta feature of Dagster, without an alternative.
        warnings.simplefilter("ignore", dg.BetaWarning)
        links = dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(file_path=path, line_number=number, label=label)
                for path, number, label in places
            ]
        )
    return asset.map_asset_specs(lambda spec: spec.merge_attributes(metadata={"dagster/code_references": links}))
