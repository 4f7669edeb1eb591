"""Definitions for a source with wrong settings: one asset that shows the problems, and its job and schedule.

Other sources are not affected. Job and schedule keep their names, so the schedule's state in the UI is kept, and
each tick fails with the problems instead of being skipped silently. For the problems see `settings.source_files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ValidationError

from amocrm_assets.orchestration.alerts.collect import SETTINGS_KEY, asset_path
from amocrm_assets.orchestration.alerts.problem import Problem
from amocrm_assets.orchestration.failures import Retries, fail
from amocrm_assets.orchestration.markdown import code
from amocrm_assets.orchestration.names import job_name, schedule_name
from amocrm_assets.settings import ScheduleSettings, SourceSettings
from amocrm_assets.settings.docs_folder import documents_note
from amocrm_assets.settings.translation import TEMPLATE_MARK

if TYPE_CHECKING:
    from amocrm_assets.settings.source_files import BrokenSource

BROKEN = "broken_settings"
RELOAD = "Correct the file, then reload the code location. docs/settings.md describes every attribute."


def broken_definitions(broken: BrokenSource) -> dg.Definitions:
    """The asset `[<key>, "broken_settings"]` in the group of the source, and a job and a schedule that fail."""

    key, group = _shown_under(broken)

    @dg.asset(
        key=key,
        group_name=group,
        description="\n".join(
            [
                f"The settings of {code(broken.name)} are wrong, so nothing of this source is loaded:",
                "",
                *(f"- {code(problem)}" for problem in broken.problems),
                "",
                f"{RELOAD} Captures, tables and the history of its assets stay.",
                documents_note(RELOAD) or "",
            ]
        ),
        kinds={"amocrm"},
    )
    def broken_settings() -> None:
        fail(broken.error(), unfinished=(), retries=Retries(), retry_number=0)

    job = dg.define_asset_job(
        job_name(broken.key),
        selection=[broken_settings],
        description=f"Fails until the settings of {code(broken.name)} are corrected.",
        executor_def=dg.in_process_executor,
    )
    return dg.Definitions(assets=[broken_settings], jobs=[job], schedules=[_schedule_of(broken, job.name)])


def broken_problem(broken: BrokenSource) -> Problem:
    """The problem for alerts."""
    return Problem(
        key=f"{broken.key}{SETTINGS_KEY}",
        source=broken.name,
        what="the settings are wrong, nothing is loaded",
        cause="; ".join(map(str, broken.problems)),
        fix=RELOAD,
        path=asset_path(dg.AssetKey(_shown_under(broken)[0])),
    )


def _shown_under(broken: BrokenSource) -> tuple[list[str], str]:
    """Key and group of the asset: those of the source's translation, if they need no template."""
    translation = broken.attributes.get("translation")
    translation = translation if isinstance(translation, dict) else {}
    prefix, group = translation.get("key_prefix") or [], translation.get("group_name")
    before = [prefix] if isinstance(prefix, str) else prefix
    if any("`translation" in problem.what for problem in broken.problems) or TEMPLATE_MARK in f"{before}{group}":
        return [broken.key, BROKEN], broken.key
    return [*map(str, before), broken.key, BROKEN], str(group or broken.key)


def _schedule_of(broken: BrokenSource, job: str) -> dg.ScheduleDefinition:
    when = _schedule_settings(broken)
    on = when.enabled and broken.attributes.get("enabled") is not False

    @dg.schedule(
        name=schedule_name(broken.key),
        job_name=job,
        cron_schedule=f"{when.minute} {when.hour} * * *",
        execution_timezone=_timezone(broken),
        default_status=dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED,
        description="Fails until the settings of the source are corrected: see the asset broken_settings.",
    )
    def daily() -> dg.SkipReason:
        raise broken.error()

    return daily


def _schedule_settings(broken: BrokenSource) -> ScheduleSettings:
    try:
        return ScheduleSettings.model_validate(broken.attributes.get("schedule") or {})
    except ValidationError:  # one of the problems that are shown
        return ScheduleSettings()


def _timezone(broken: BrokenSource) -> str:
    zone, default = broken.attributes.get("timezone"), str(SourceSettings.model_fields["timezone"].default)
    wrong = {"timezone" in problem.what for problem in broken.problems}
    return zone if isinstance(zone, str) and wrong == {False} else default
