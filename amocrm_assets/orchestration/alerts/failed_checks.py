"""Problems of checks that failed with severity error, from their results in a run's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.alerts.problem import Problem
from amocrm_assets.orchestration.markdown import plain

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings


def check_key(evaluation: dg.AssetCheckEvaluation, source: SourceSettings) -> str:
    """The problem's key."""
    return f"{source.subdomain}/check/{_name(evaluation)}"


def check_problem(evaluation: dg.AssetCheckEvaluation, source: SourceSettings, run_id: str) -> Problem | None:
    """The problem of a check; None if it passed, or failed with a warning."""
    if evaluation.passed or evaluation.severity is not dg.AssetCheckSeverity.ERROR:
        return None
    texts = {name: str(value.value) for name, value in evaluation.metadata.items()}
    return Problem(
        key=check_key(evaluation, source),
        source=source.subdomain,
        what=f"check {_name(evaluation)} failed",
        cause=texts.get("cause") or plain(evaluation.description or "the check did not pass."),
        # The checks of this project have both; somebody may add checks of their own to its assets.
        fix=texts.get("fix") or "See the check's page.",
        days=texts.get("which_days", ""),
        path=f"/runs/{run_id}",
    )


def _name(evaluation: dg.AssetCheckEvaluation) -> str:
    return f"{evaluation.asset_key.path[-1]}.{evaluation.check_name}"
