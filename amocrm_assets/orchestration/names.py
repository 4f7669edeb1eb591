"""Names in Dagster: jobs, schedules, ops, pools, resources, tags.

Keys of assets, which a source may translate, are in `assets`. Names are part of Dagster's stored history and of
saved launches: a changed name loses both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

# The resources of the deployment: see `resources`.
DEPLOYMENT, ROWS_IO_MANAGER, BIGQUERY = "amocrm", "amocrm_rows", "bigquery"
SENSOR = "amocrm_alerts"
# Last part of the key of the asset that removes old captures.
RETENTION = "capture_retention"

# Tags of runs, ours.
SOURCE_TAG, DAY_TAG = "amocrm/source", "amocrm/day"
# Dagster's tags of a run over several days, of a run of one day, of one of a backfill, and of one that was
# re-executed from the failure of its parent.
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
BACKFILL = "dagster/backfill"
RESUMES = "dagster/is_resume_retry"
NEVER_RETRIED = {"dagster/max_retries": "0"}
# Dagster's tag of a failed run: whether its daemon starts it again.
WILL_RETRY = "dagster/will_retry"
# In one process, steps of higher priority go first: the leads of a run, then reference lists, then their checks.
LATER, LAST = {"dagster/priority": "-1"}, {"dagster/priority": "-2"}
# Assets about all of the others.
AFTER_ALL = {"dagster/priority": "-3"}
# Shards with names of the reference tables, which the same run makes.
BEHIND_NAMES = LAST


def job_name(source_key: str) -> str:
    """A source's job, with all of its entities; its history is stored under this name."""
    return f"{source_key}_leads"


def schedule_name(source_key: str) -> str:
    """A source's schedule."""
    return f"{source_key}_daily"


def retention_name(source_key: str) -> str:
    """The job that removes a source's old captures, and its schedule."""
    return f"{source_key}_{RETENTION}"


def op_name(source: SourceSettings, name: str) -> str:
    """The name of the op that materialises an asset, as in a run's configuration and the step's events."""
    return f"{source.key}__{name}"


def reference_group(source: SourceSettings) -> str:
    """The group of the reference assets: with them, the lineage of the source's own would be too small to read."""
    return f"{source.key}_reference"


def pool_name(source: SourceSettings) -> str:
    """The pool of the steps that send requests to the source's account, one at a time."""
    return f"amocrm_{source.key}"


def resource_key(source: SourceSettings) -> str:
    """The source's `AmoCrmResource`."""
    return f"amocrm_{source.key}"
