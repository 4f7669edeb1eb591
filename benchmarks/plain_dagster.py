"""What Dagster itself costs: a source's assets, checks, days, job and schedule, with functions that do nothing.

They have neither metadata nor descriptions, so a real project with as many assets is never below this floor.
"""

# No `from __future__ import annotations`: Dagster resolves the annotations of its functions.
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from amocrm_assets.orchestration.names import RANGE_END, RANGE_START, job_name
from amocrm_assets.orchestration.project_sources import read_project
from amocrm_assets.orchestration.running import open_instance
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.settings import SourceSettings

COMPARED_WITH_PLAIN = ", compared with plain Dagster"


class Account(dg.ConfigurableResource):  # type: ignore[type-arg]  # no value but itself
    """A resource per source, as credentials need it."""

    subdomain: str


def load_plain(folder: str) -> None:
    """Build, validate and combine plain definitions of the sources in a folder, as `code_location.load_all`."""
    first, *others = [found.settings for found in read_project(Path(folder)).found]
    shape = source_definitions(first)
    definitions = [plain_definitions(shape, first, name=source.key) for source in (first, *others)]
    dg.Definitions.merge(*definitions).get_repository_def().load_all_definitions()


def run_plain(source: SourceSettings, days: Sequence[date]) -> None:
    """Run the job of a source's plain definitions for consecutive days, as `running.run_days`."""
    definitions = plain_definitions(source_definitions(source), source, name=source.key)
    with open_instance() as instance:
        definitions.resolve_job_def(job_name(source.key)).execute_in_process(
            instance=instance,
            tags={RANGE_START: days[0].isoformat(), RANGE_END: days[-1].isoformat()},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def plain_definitions(shape: dg.Definitions, source: SourceSettings, *, name: str) -> dg.Definitions:
    """Definitions with the assets and checks of `shape`, those of `source`, under another source's name."""
    resource = f"account_{name}"
    assets = [
        _asset(
            [_spec(each, name) for each in asset.specs],
            [_check_spec(each, name) for each in asset.check_specs],
            resource,
        )
        for asset in shape.assets or ()
        if isinstance(asset, dg.AssetsDefinition)
    ]
    job = dg.define_asset_job(
        job_name(name),
        selection=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
        executor_def=dg.in_process_executor,
    )
    schedule = dg.ScheduleDefinition(job=job, cron_schedule="0 1 * * *", execution_timezone=source.timezone)
    return dg.Definitions(
        assets=assets,
        asset_checks=[
            _check(_check_spec(spec, name)) for each in shape.asset_checks or () for spec in each.check_specs
        ],
        jobs=[job],
        schedules=[schedule],
        resources={resource: Account(subdomain=name)},
    )


def _key(key: dg.AssetKey, name: str) -> dg.AssetKey:
    return dg.AssetKey([name, *key.path[1:]])


def _spec(spec: dg.AssetSpec, name: str) -> dg.AssetSpec:
    deps = [dg.AssetDep(_key(dep.asset_key, name), partition_mapping=dep.partition_mapping) for dep in spec.deps]
    return dg.AssetSpec(_key(spec.key, name), deps=deps, partitions_def=spec.partitions_def)


def _check_spec(spec: dg.AssetCheckSpec, name: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(spec.name, asset=_key(spec.asset_key, name), blocking=spec.blocking)


def _asset(specs: list[dg.AssetSpec], checks: list[dg.AssetCheckSpec], resource: str) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="__".join(specs[0].key.path),
        specs=specs,
        check_specs=checks,
        required_resource_keys={resource},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def nothing() -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key)
        yield from (_passed(check) for check in checks)

    return nothing


def _check(spec: dg.AssetCheckSpec) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(name=f"{'__'.join(spec.asset_key.path)}__{spec.name}", specs=[spec])
    def nothing() -> Iterator[dg.AssetCheckResult]:
        yield _passed(spec)

    return nothing


def _passed(spec: dg.AssetCheckSpec) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, asset_key=spec.asset_key, check_name=spec.name)
