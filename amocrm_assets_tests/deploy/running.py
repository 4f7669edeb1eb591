"""A process that runs a source's job again and again, for the tests that set several of them on one account.

It is started with the folder of the sources, and days. For each day it refreshes the tokens and runs the job, with
an instance of Dagster that no other process knows, as two deployments would. It prints how each run ended.
"""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg

from amocrm_assets.crm.authorisation import open_authorisation
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.settings.loading import find_sources


def main(folder: str, *days: str) -> None:
    """Run the days of the only source there."""
    (found,) = find_sources(Path(folder))
    source = found.settings
    job = source_definitions(source, file=found.file).resolve_job_def(f"{source.key}_leads")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        for day in days:
            authorisation = open_authorisation(source, Deployment.from_environment())
            authorisation.renew(authorisation.token())
            result = job.execute_in_process(
                instance=instance, partition_key=day, run_config=quiet, raise_on_error=False
            )
            failures = [
                repr(event.step_failure_data.user_failure_data or event.step_failure_data.error)
                for event in result.all_events
                if event.is_step_failure
            ]
            sys.stdout.write(f"{day} {'; '.join(failures) or 'landed'}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
