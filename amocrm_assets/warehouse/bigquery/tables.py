"""Properties of a shard's table: no expiration time, a description, labels.

All of them are set by updates after a load: a load with its own properties fails if the table's differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tenacity
from google.api_core.exceptions import NotFound, PreconditionFailed

from amocrm_assets.errors import AmoCrmAssetsError, WarehouseRefused
from amocrm_assets.warehouse.bigquery.errors import google_errors

if TYPE_CHECKING:
    from google.cloud import bigquery

    from amocrm_assets.warehouse import Load
    from amocrm_assets.warehouse.bigquery.timeouts import Timeouts

_MAX_ATTEMPTS = 5


def keep_for_ever(client: bigquery.Client, table: bigquery.Table, timeouts: Timeouts) -> bigquery.Table:
    """Remove a table's expiration time, and verify it. Raises `WarehouseRefused` if that is not allowed.

    A new table inherits the expiration of its dataset (60 days in a sandbox project, which allows no other).
    """
    if table.expires is None:
        return table
    facts = {"table": str(table.reference), "expires_at": table.expires.isoformat()}
    operation = f"Keeping {table.reference}, which BigQuery deletes at {table.expires:%Y-%m-%d %H:%M} UTC"
    with google_errors(operation, **facts):
        kept = _without_expiration(client, table, timeouts)
    if kept.expires is not None:
        raise WarehouseRefused(
            operation,
            cause="BigQuery accepted that its expiration is removed, and it still has one.",
            fix="Link the project to a billing account if it is a sandbox project, or use a dataset whose tables"
            " do not expire (docs/bigquery.md, Tables that expire).",
            **facts,
        )
    return kept


def _without_expiration(client: bigquery.Client, table: bigquery.Table, timeouts: Timeouts) -> bigquery.Table:
    """An update is refused if the properties were changed in the meantime: it is repeated with the new ones."""
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(PreconditionFailed),
        wait=tenacity.wait_exponential_jitter(multiplier=0.5),
        stop=tenacity.stop_after_attempt(_MAX_ATTEMPTS),
        sleep=timeouts.sleep,
        reraise=True,
    )

    def update() -> bigquery.Table:
        fresh = client.get_table(table.reference, **timeouts.limits)
        fresh.expires = None
        return client.update_table(fresh, ["expires"], **timeouts.limits)

    return attempts(update)


def remove_view(client: bigquery.Client, name: bigquery.TableReference, timeouts: Timeouts) -> None:
    """Delete a view with the table's name, which an older version created. A load cannot replace a view."""
    with google_errors(f"Replacing the view {name} by a table", table=str(name)):
        try:
            held = client.get_table(name, **timeouts.limits)
        except NotFound:  # there is no table or view of this name yet
            return
        if held.table_type == "VIEW":
            client.delete_table(name, not_found_ok=True, **timeouts.limits)


def describe(client: bigquery.Client, table: bigquery.Table, load: Load, timeouts: Timeouts) -> str | None:
    """Set description and labels. The shard is loaded and verified: an error here is only a warning."""
    of_day = f"updated on {load.day}" if load.day else load.table.whole_words
    description = f"amoCRM {load.table.records} of {load.subdomain} {of_day}, written by amocrm-assets."
    labels = {**table.labels, "source": "amocrm", "subdomain": load.subdomain.lower()[:63]}
    if (table.description, table.labels) == (description, labels):
        return None
    table.description, table.labels = description, labels
    try:
        with google_errors(f"Describing {table.reference}", table=str(table.reference)):
            client.update_table(table, ["description", "labels"], **timeouts.limits)
    except AmoCrmAssetsError as error:
        return f"The shard is loaded; its description and labels are not set. {error}"
    return None
