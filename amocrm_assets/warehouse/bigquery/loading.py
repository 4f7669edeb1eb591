"""One shard's load job: its id, sending it, waiting for it, and verifying the table.

A load replaces a shard's rows and schema in one update, so it is safe to repeat. Unnecessary repetition is
avoided: a job's id is derived from run, table and content, and an existing id leads to the existing job.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import tenacity
from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from amocrm_assets.entities import LatestTable
from amocrm_assets.errors import WarehouseUnavailable
from amocrm_assets.shard import bigquery_fields
from amocrm_assets.waiting import waiting
from amocrm_assets.warehouse import LoadResult
from amocrm_assets.warehouse.bigquery.access import LoadPlan, plan_load, require_tags
from amocrm_assets.warehouse.bigquery.errors import google_errors, is_passing, may_pass, to_error
from amocrm_assets.warehouse.bigquery.tables import describe, keep_for_ever, remove_view
from amocrm_assets.warehouse.bigquery.timeouts import ONCE, Timeouts
from amocrm_assets.warehouse.verifying import rows_of, verify_shard

if TYPE_CHECKING:
    from amocrm_assets.entities import Table
    from amocrm_assets.errors import AmoCrmAssetsError
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Load

_JOBS_PER_CALL = 3


@dataclass(frozen=True)
class Loader:
    """Loads shards into one dataset. Thread-safe."""

    client: bigquery.Client
    dataset: bigquery.DatasetReference
    location: str | None
    timeouts: Timeouts
    policy_tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The intended tags of columns, by path."""

    def table(self, load: Load) -> bigquery.TableReference:
        """The target table of a shard."""
        return self.dataset.table(load.table.name_of(load.subdomain, load.day))

    def load(self, load: Load, storage: Storage, *, run_id: str) -> LoadResult:
        """Replace a shard, verify it, and remove its expiration."""
        started = time.monotonic()
        table = self.table(load)
        if isinstance(load.table, LatestTable):
            remove_view(self.client, table, self.timeouts)
        plan = plan_load(self.client, table, _schema(load.table), self.policy_tags, self.timeouts)
        job = self._completed_job(load, table, plan, storage, run_id)
        with google_errors(f"Verifying {table}", table=str(table)):
            held = self.client.get_table(table, **self.timeouts.limits)
        verify_shard(
            load,
            str(table),
            row_count=held.num_rows,
            columns=_schema_lines(held.schema),
            expected=_schema_lines(_schema(load.table)),
        )
        require_tags(held, plan.schema)
        warnings = [plan.warning] if plan.warning else []
        kept = keep_for_ever(self.client, held, self.timeouts)
        if held.expires is not None:
            warnings.append(
                f"BigQuery would have deleted this shard at {held.expires:%Y-%m-%d %H:%M} UTC; its expiration was"
                " removed. See docs/bigquery.md, Tables that expire."
            )
        if warning := describe(self.client, kept, load, self.timeouts):
            warnings.append(warning)
        seconds = time.monotonic() - started
        return LoadResult(str(table), held.num_rows, seconds, held.num_bytes, job.job_id, tuple(warnings))

    def _completed_job(
        self, load: Load, table: bigquery.TableReference, plan: LoadPlan, storage: Storage, run_id: str
    ) -> bigquery.LoadJob:
        """The job that loaded these rows, existing or new. After a failed job the id has the next number."""
        with rows_of(load):
            version = storage.version(load.rows)
        content = "\n".join([run_id, str(table), version])
        name = f"amocrm_assets_load_{sha256(content.encode()).hexdigest()[:32]}"
        number = made = 0
        while True:
            number += 1
            with google_errors(f"Loading {table}", table=str(table)):
                job, is_new = self._job(load, table, plan, storage, f"{name}_{number}")
                self._wait(job)
            if not job.error_result:
                return job
            made += is_new
            passing = is_passing(job.error_result.get("reason", ""))
            if (is_new and not passing) or made == _JOBS_PER_CALL:
                raise _job_error(job, table)
            if is_new:
                self.timeouts.sleep(2.0**made)

    def _job(
        self, load: Load, table: bigquery.TableReference, plan: LoadPlan, storage: Storage, job_id: str
    ) -> tuple[bigquery.LoadJob, bool]:
        """The job of this id, and whether it is new. After a lost response it is found by its id."""
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass),
            wait=tenacity.wait_exponential_jitter(),
            stop=tenacity.stop_after_attempt(5) | tenacity.stop_after_delay(self.timeouts.repeat_seconds),
            sleep=self.timeouts.sleep,
            reraise=True,
        )
        try:
            return attempts(self._send, load, table, plan, storage, job_id), True
        except Conflict:  # the job exists, from an earlier attempt of this step or of this call
            job = self.client.get_job(job_id, location=self.location, **self.timeouts.limits)
            return cast("bigquery.LoadJob", job), False

    def _send(
        self, load: Load, table: bigquery.TableReference, plan: LoadPlan, storage: Storage, job_id: str
    ) -> bigquery.LoadJob:
        """Start the job: from Cloud Storage by URI, from a folder by upload."""
        config, seconds = _job_config(plan), self.timeouts.answer_seconds
        uri = storage.uri(load.rows)
        if uri.startswith("gs://"):
            return self.client.load_table_from_uri(
                uri,
                table,
                job_id=job_id,
                location=self.location,
                job_config=config,
                retry=ONCE,
                timeout=seconds,
            )
        with storage.as_local_path(load.rows) as path, path.open("rb") as file:
            return self.client.load_table_from_file(
                file,
                table,
                size=path.stat().st_size,
                num_retries=0,
                job_id=job_id,
                location=self.location,
                job_config=config,
                timeout=seconds,
            )

    def _wait(self, job: bigquery.LoadJob) -> None:
        polling = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda done: not done),
            wait=tenacity.wait_exponential(multiplier=0.5, max=5.0),
            stop=tenacity.stop_after_delay(self.timeouts.job_seconds),
            sleep=self.timeouts.sleep,
        )
        until = time.time() + self.timeouts.job_seconds
        try:
            # One name for all jobs: eight parallel ones are one line in the log.
            with waiting("BigQuery's load jobs", until=until):
                polling(job.done, **self.timeouts.limits)
        except tenacity.RetryError as error:
            raise WarehouseUnavailable(
                f"Waiting for the load job {job.job_id}",
                cause=f"it is still {job.state} after {self.timeouts.job_seconds:.0f} seconds.",
                fix="Retry the step: it finds this job again and continues to wait.",
                job_id=job.job_id,
            ) from error


def _job_config(plan: LoadPlan) -> bigquery.LoadJobConfig:
    """A load of all rows or none (docs/decisions/0004 explains the choice of Parquet)."""
    lists = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    # Without it BigQuery silently leaves every REPEATED column empty.
    lists.enable_list_inference = True
    return bigquery.LoadJobConfig(
        schema=plan.schema,
        source_format=bigquery.SourceFormat.PARQUET,
        parquet_options=lists,
        write_disposition=plan.write_disposition,
        create_disposition=bigquery.CreateDisposition.CREATE_IF_NEEDED,
        max_bad_records=0,
    )


def _schema(table: Table) -> list[bigquery.SchemaField]:
    return [bigquery.SchemaField.from_api_repr(field) for field in bigquery_fields(table.columns)]


def _schema_lines(fields: list[bigquery.SchemaField], within: str = "") -> list[str]:
    """A schema as lines to compare, `custom_fields.values.value STRING NULLABLE`."""
    lines = []
    for field in fields:
        lines.append(f"{within}{field.name} {field.field_type} {field.mode}")
        lines += _schema_lines(field.fields, f"{within}{field.name}.")
    return lines


def _job_error(job: bigquery.LoadJob, table: bigquery.TableReference) -> AmoCrmAssetsError:
    """BigQuery names bad rows in further errors of the job; the first one is shown."""
    result = job.error_result
    messages = dict.fromkeys([result.get("message", ""), *(each.get("message", "") for each in job.errors or [])])
    return to_error(
        f"Loading {table}",
        reason=result.get("reason", ""),
        message="; ".join(list(messages)[:2]),
        table=str(table),
        job_id=job.job_id,
    )
