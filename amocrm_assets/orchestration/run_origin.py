"""The code location in the UI of a run that a command starts in its own process.

Dagster sets it only for runs that it launches itself, from its workspace: others are neither on the job's page nor
on the timeline. `job.execute_in_process` has no parameter for it.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.settings.sources_folder import code_location

if TYPE_CHECKING:
    from collections.abc import Mapping

# Dagster's name for the only repository of a code location.
_REPOSITORY = "__repository__"
_RUNS_LOOKED_AT = 25


def belong_to_job(instance: dg.DagsterInstance, job: str) -> None:
    """Show the runs of a job that are created through this instance object in the job's code location."""
    # The only public way: the run is created inside `execute_in_process`, and never changed later.
    create = partial(instance.create_run_for_job, remote_job_origin=_origin(instance, job))
    instance.create_run_for_job = create  # type: ignore[method-assign]


def _origin(instance: dg.DagsterInstance, job: str) -> Any:
    """The origin of the newest run that has one; before the first, one made from the name of the code location."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job), limit=_RUNS_LOOKED_AT)
    known = next((run.remote_job_origin for run in runs if run.remote_job_origin), None)
    return known or dg.deserialize_value(json.dumps(_stored(job, code_location())))


def _stored(job: str, location: str) -> Mapping[str, Any]:
    """An origin in the form that Dagster stores with each run, of a code location by its name."""
    return {
        "__class__": "ExternalPipelineOrigin",
        "pipeline_name": job,
        "external_repository_origin": {
            "__class__": "ExternalRepositoryOrigin",
            "repository_name": _REPOSITORY,
            "repository_location_origin": {
                "__class__": "RegisteredRepositoryLocationOrigin",
                "location_name": location,
            },
        },
    }
