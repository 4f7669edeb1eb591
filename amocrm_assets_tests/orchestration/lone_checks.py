"""A check that runs alone, as the button in the UI does, or in a run of some days, without a source's assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.names import DEPLOYMENT, RANGE_END, RANGE_START
from amocrm_assets.orchestration.resources import AmoCrmDeployment

if TYPE_CHECKING:
    from datetime import date


def verdict_of(check: dg.AssetChecksDefinition, days: tuple[date, date] | None = None) -> dg.AssetCheckEvaluation:
    """The result of the check in a run of these days, or of none."""
    keys = [spec.asset_key for spec in check.check_specs]
    definitions = dg.Definitions(
        assets=[dg.AssetSpec(key) for key in keys],
        asset_checks=[check],
        jobs=[dg.define_asset_job("alone", dg.AssetSelection.checks(*check.check_keys))],
        resources={DEPLOYMENT: AmoCrmDeployment()},
    )
    tags = {RANGE_START: str(days[0]), RANGE_END: str(days[1])} if days else None
    result = definitions.resolve_job_def("alone").execute_in_process(tags=tags, raise_on_error=False)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def shown(verdict: dg.AssetCheckEvaluation) -> dict[str, object]:
    """The metadata of a result."""
    return {name: value.value for name, value in verdict.metadata.items()}
