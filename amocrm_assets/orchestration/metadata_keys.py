"""Descriptions of an asset's metadata keys. Dagster cannot describe keys, so the descriptions are metadata, too.

Every key that a materialisation may have is listed here; a test compares.
"""

from __future__ import annotations

from functools import cache

import dagster as dg

from amocrm_assets.entities import ENTITIES, STAGES
from amocrm_assets.entities.loads import LOADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets.orchestration.names import RETENTION

EXPLAINED = "what_the_keys_mean"
_ALWAYS = {
    "dagster/partition_row_count": "records of the day",
    "seconds": "time that the step spent on the day",
    "size_bytes": "size of the data that the step wrote for the day",
    "preview": "some records of the day; deleted ones only if there are no others",
    "open_in_amocrm": "links to the records of the preview in amoCRM",
    "account_url": "the account in amoCRM",
    "amocrm_asset": "the role of the asset in its source, independent of its key",
    "subdomain": "the account's name, as in the names of its tables",
    "timezone": "the time zone in which a day starts and ends at midnight",
}
_CAPTURE = {
    "dagster/uri": "the folder of the captures of all days",
    "storage": "the location of captures and rows, to which paths are relative",
    "capture": "the file in the storage with the records as amoCRM sent them",
    "read": "whether the day was read in this run, or when it was read before",
    "findings": "unexpected behaviour of the account's lists, with cause and fix",
    "account": "name and id of the account",
    "account_timezone": "the account's own time zone",
    "probe": "the result of `amocrm-assets probe` for the account",
    "authorisation_ends": "when the authorisation must be renewed manually",
    "pages": "pages of lists that were read; a page for several days counts as fractions",
    "requests": "requests to amoCRM, including retries",
    "requests_per_second": "requests per second between the first request and the last response",
    "received_bytes": "bytes of amoCRM's responses",
    "retries": "retried requests",
    "rate_limit_wait_seconds": "time that requests waited because of the rate limit",
    "duplicates": "records that came more than once, for example because pages overlap; each is stored once",
    "edited_out_of_window": "records that were edited while the day was read, and now belong to a later day",
    "edited_into_read_days": "records that moved into a day of the run after it was read, in another capture",
    "slices": "time slices that were read in parallel",
    "tied_seconds": "seconds in which more records were edited than fit on a page",
    "whole_account_scans": "passes over the whole account, if it ignores filters",
    "filters_honoured": "whether the account filters by time",
    "clock_difference_seconds": "how far amoCRM's clock is ahead of this machine's",
}
_ROWS = {
    "dagster/uri": "the folder of the rows files of all days",
    "storage": "the location of captures and rows, to which paths are relative",
    "rows": "the Parquet file of the day in the storage",
    "captures": "captures that were merged",
    "seconds_merging": "time for merging and writing",
    "leads_custom_fields": "which custom fields were imported",
    "contacts_custom_fields": "which custom fields were imported",
    "companies_custom_fields": "which custom fields were imported",
    "oddities": "values without the documented type; the check `no_oddities` names them",
    "unknown_properties": "properties without a column; captures keep them",
}
# Of every load.
_LOADED = {
    "dagster/table_name": "the table in the warehouse",
    "seconds_writing": "time for loading and verifying",
    "size_bytes": "size of the table",
    "job": "BigQuery's load job",
    "warnings": "problems after a successful load",
}
_SHARDS = _LOADED | {
    "dagster/table_name": "the table of the day",
    "without_name": "rows with a stage that is in no reading of the reference lists: `status_name` is null",
}
_OF_SOURCE = {name: _ALWAYS[name] for name in ("amocrm_asset", "subdomain", "timezone")}
_RAW_REFERENCE = {
    "dagster/uri": "the folder of all captures of the lists",
    "dagster/row_count": "records of all lists",
    "capture": "the file in the storage with the records as amoCRM sent them",
    "read": "whether the lists were read in this run, or by another one of its backfill",
    "size_bytes": "size of the capture",
    "requests": "requests for reading the lists",
    "seconds": "time for reading the lists",
    "findings": "unexpected behaviour of the lists, with cause and fix",
    "lists": "records, outcome and completeness of each list",
}
_REFERENCE_TABLE = {
    "dagster/row_count": "rows of the table, all versions",
    "current": "records that are not deleted",
    "captures": "captures from which the table was built",
    "oddities": "values of the newest capture that do not fit their column",
} | _LOADED
_LATEST = {
    "dagster/row_count": "rows of the table",
    "days_read": "days whose rows had changed since the table was last made",
    "made_anew": "whether it was made from the rows of all days",
    "custom_fields": "columns of custom fields",
    "unfit_values": "values that their column's type cannot hold: they are in `custom_fields` alone",
    "seconds_merging": "time of making the rows",
} | _LOADED
_STAGES = {
    "dagster/row_count": "stays in stages",
    "leads": "leads that have stages",
    "days_with_events": "days whose events the table is built from",
    "days_read": "days whose rows had changed since the table was last built, of events and of leads",
    "origins": "rows by `origin` of their stage; all but `event` are inferred",
    "unknown_moments": "rows with unknown `entered_at`: the move into the stage is in no event",
    "seconds_merging": "time of making the rows",
} | _LOADED
_RETENTION = {
    "captured_before": "captures from before this time are removed",
    "captures_removed": "captures that were removed",
    "days": "days of these captures; a day of two entities counts twice",
    "fields_left_out": "their custom fields that the source does not import, which were removed with them",
}
_LOADS = {
    "dagster/row_count": "rows of the table: the tables of the account",
    "incomplete": "tables whose newest reading was not proven complete",
} | _LOADED
_LATEST_ASSETS = {entity.table.latest.warehouse_name for entity in ENTITIES if entity.table.latest}
_REFERENCE_ASSETS = {table.asset for table in REFERENCE_TABLES}
# How names of assets begin, by what they are: captures, or tables of the warehouse.
_CAPTURES, _TABLES = "raw_", "amoCrm"
# One key for each kind of response that was retried: `retries_429`, `retries_connection`.
PREFIX, PREFIXED = "retries_", "requests that were retried after this response"

_UNPARTITIONED = {
    REFERENCE.raw_asset: _RAW_REFERENCE,
    RETENTION: _RETENTION,
    LOADS.asset: _LOADS,
    STAGES.asset: _STAGES,
    **dict.fromkeys(_REFERENCE_ASSETS, _REFERENCE_TABLE),
    **dict.fromkeys(_LATEST_ASSETS, _LATEST),
}


def meanings(asset: str) -> dict[str, str]:
    """The descriptions of all keys that an asset of this name may have; assets of rows are the default."""
    if asset in _UNPARTITIONED:
        return _UNPARTITIONED[asset] | _OF_SOURCE
    if asset.startswith(_CAPTURES):
        return _CAPTURE | _ALWAYS
    return (_SHARDS if asset.startswith(_TABLES) else _ROWS) | _ALWAYS


@cache
def explained(asset: str) -> dg.MarkdownMetadataValue:
    """The descriptions of all keys of an asset, as a table that opens on a click."""
    # A short table is shown among the other values, where a long key does not fit on one line.
    lines = [f"| `{key.replace('/', '/' + BREAK)}` | {meaning} |" for key, meaning in meanings(asset).items()]
    if asset.startswith(_CAPTURES):
        lines.append(f"| `{PREFIX}…` | {PREFIXED} |")
    return dg.MetadataValue.md("\n".join(["| key | meaning |", "|---|---|", *lines]))
