"""Access to a table: policy tags of its columns and row access policies, which a load must not remove.

A load that replaces a table (WRITE_TRUNCATE) may remove both; one that replaces only its rows
(WRITE_TRUNCATE_DATA) keeps them, and cannot change columns.
https://cloud.google.com/bigquery/docs/reference/rest/v2/Job
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api_core.exceptions import Forbidden, MethodNotAllowed, MethodNotImplemented, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import PolicyTagList, SchemaField, WriteDisposition

from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.warehouse.bigquery.errors import google_errors

if TYPE_CHECKING:
    from amocrm_assets.warehouse.bigquery.timeouts import Timeouts

Tags = Mapping[str, str]
"""The policy tag of a column, by the column's path (`custom_fields.values.value`)."""


@dataclass(frozen=True)
class LoadPlan:
    """How to load a table. `warning` is what could not be verified."""

    schema: list[SchemaField]
    write_disposition: str
    warning: str | None = None


def plan_load(
    client: bigquery.Client,
    table: bigquery.TableReference,
    schema: Sequence[SchemaField],
    tags: Tags,
    timeouts: Timeouts,
) -> LoadPlan:
    """How to load a table without granting access to more of it than before.

    `tags` are the intended tags of its columns. Raises `WarehouseRefused` for a load that would remove a tag or a
    row access policy, or change the tag of a column.
    """
    with google_errors(f"Looking at {table} before its load", table=str(table)):
        try:
            held = client.get_table(table, **timeouts.limits)
        except NotFound:  # it will be created, with its tags
            return LoadPlan(tagged(schema, tags), WriteDisposition.WRITE_TRUNCATE)
        policies = _row_access_policies(client, table, timeouts)
    there = tags_of(held.schema)
    _require_kept(table, schema, there, tags)
    if _lines(held.schema) == _lines(schema):
        if there or tags or policies or policies is None:
            # The columns of the table: a load that keeps them must not have others.
            return LoadPlan(_tag(client, held, {**there, **tags}, timeouts), WriteDisposition.WRITE_TRUNCATE_DATA)
    elif policies:
        raise _would_remove(table, f"the row access policies {', '.join(policies)}")
    warning = _unsure(table) if policies is None else None
    return LoadPlan(tagged(schema, {**there, **tags}), WriteDisposition.WRITE_TRUNCATE, warning)


def require_tags(held: bigquery.Table, schema: Sequence[SchemaField]) -> None:
    """Raise `WarehouseRefused` unless a loaded table has the tags of its load."""
    wanted, there = tags_of(schema), tags_of(held.schema)
    if missing := sorted(path for path, tag in wanted.items() if there.get(path) != tag):
        raise WarehouseRefused(
            f"Verifying {held.reference} after its load",
            cause=f"its columns {', '.join(missing)} have no policy tags: whoever reads the dataset reads them.",
            fix="Look whether somebody changes the table, and whether the account that loads may set policy tags"
            " (docs/bigquery.md, Who may read which column). Then materialise it again.",
            table=str(held.reference),
        )


def tags_of(schema: Sequence[SchemaField]) -> dict[str, str]:
    """The tags of columns, by their paths."""
    return {
        path: ", ".join(field.policy_tags.names)
        for path, field in _fields(schema)
        if field.policy_tags is not None and field.policy_tags.names
    }


def tagged(schema: Sequence[SchemaField], tags: Tags, within: str = "") -> list[SchemaField]:
    """The columns with the tags of their paths."""
    made = []
    for field in schema:
        sent = dict(field.to_api_repr())  # its result is independent
        path = f"{within}{field.name}"
        if field.fields:
            sent["fields"] = [each.to_api_repr() for each in tagged(field.fields, tags, f"{path}.")]
        if path in tags:
            sent["policyTags"] = PolicyTagList(tags[path].split(", ")).to_api_repr()
        made.append(SchemaField.from_api_repr(sent))
    return made


def _fields(schema: Sequence[SchemaField], within: str = "") -> Iterator[tuple[str, SchemaField]]:
    for field in schema:
        yield f"{within}{field.name}", field
        yield from _fields(field.fields, f"{within}{field.name}.")


def _lines(schema: Sequence[SchemaField]) -> list[str]:
    return [f"{path} {field.field_type} {field.mode}" for path, field in _fields(schema)]


def _row_access_policies(
    client: bigquery.Client, table: bigquery.TableReference, timeouts: Timeouts
) -> list[str] | None:
    """Names of the table's row access policies; None if this account may not list them."""
    request = client._connection.api_request  # noqa: SLF001 - Google's client has no method for it
    try:
        found = timeouts.limits["retry"](request)(
            method="GET", path=f"{table.path}/rowAccessPolicies", timeout=timeouts.answer_seconds
        )
    except Forbidden:
        return None
    except (NotFound, MethodNotAllowed, MethodNotImplemented):  # an emulator, which has none
        return []
    return [each["rowAccessPolicyReference"]["policyId"] for each in found.get("rowAccessPolicies", [])]


def _require_kept(table: bigquery.TableReference, schema: Sequence[SchemaField], there: Tags, tags: Tags) -> None:
    paths = {path for path, _ in _fields(schema)}
    if gone := [f"{path} ({tag})" for path, tag in there.items() if path not in paths]:
        raise _would_remove(table, f"columns with policy tags: {', '.join(gone)}")
    paths_of_tags = {path: tag for path, tag in tags.items() if path in paths}
    if other := [
        f"{path} has {there[path]}" for path, tag in paths_of_tags.items() if there.get(path, tag) != tag
    ]:
        raise WarehouseRefused(
            f"Loading {table}",
            cause=f"`policy_tags` of the source names other tags than the table has: {'; '.join(other)}.",
            fix="Set the column's tag in BigQuery as it shall be, or correct `policy_tags`. Nothing was loaded.",
            table=str(table),
        )


def _tag(client: bigquery.Client, held: bigquery.Table, tags: Tags, timeouts: Timeouts) -> list[SchemaField]:
    """Set the missing tags of columns, before the rows are loaded; returns the columns with all tags."""
    wanted = tagged(held.schema, tags)
    if tags_of(held.schema) != tags_of(wanted):
        held.schema = wanted
        with google_errors(f"Setting policy tags of {held.reference}", table=str(held.reference)):
            client.update_table(held, ["schema"], **timeouts.limits)
    return wanted


def _would_remove(table: bigquery.TableReference, what: str) -> WarehouseRefused:
    return WarehouseRefused(
        f"Loading {table}",
        cause=f"its columns have changed, so it has to be replaced, which would remove {what}."
        " Nothing was loaded.",
        fix="Note who may read what, remove it there or drop the table, materialise again, and set it anew"
        " (docs/bigquery.md, Who may read which column).",
        table=str(table),
    )


def _unsure(table: bigquery.TableReference) -> str:
    return (
        f"{table} was replaced, since its columns have changed; this account cannot see whether it had row access"
        " policies."
        " Grant bigquery.rowAccessPolicies.list on the dataset to be stopped before they are lost."
    )
