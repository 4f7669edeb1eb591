"""What a reading of a small list noticed, in words: who lacks which right, what could not be proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.findings import Finding
from amocrm_assets.errors import AmoCrmUnavailable

if TYPE_CHECKING:
    from amocrm_assets.entities.reference import WholeList
    from amocrm_assets.errors import AmoCrmAssetsError


def refused(record_list: WholeList, error: AmoCrmAssetsError, user: str) -> Finding:
    """amoCRM does not give the list to the user of the authorisation."""
    status = error.facts.get("status")
    whose = "an administrator" if record_list.name == "users" else "a user who may see them, or an administrator"
    return Finding(
        record_list,
        "list_refused",
        may_miss=True,
        cause=f"amoCRM answers {status} to {record_list.path} for {user}. The table stays as it was.",
        fix=f"Authorise the source as {whose}, or set `import_reference: false` in its defs.yaml.",
    )


def failed(record_list: WholeList, error: AmoCrmAssetsError) -> Finding:
    """The list could not be read this time."""
    return Finding(
        record_list,
        "list_failed",
        may_miss=True,
        cause=f"it could not be read: {error.cause} The table stays as it was.",
        fix="Materialise `raw_reference` again later; if it stays so, look at amoCRM's status page.",
    )


def not_tried(record_list: WholeList) -> AmoCrmUnavailable:
    """The error for a list that was left out, since amoCRM did not answer those before it."""
    return AmoCrmUnavailable(
        f"Reading {record_list.path}",
        cause="amoCRM did not answer the two lists before it, so it was not asked for.",
        fix="Materialise `raw_reference` again later.",
    )


def unproven(record_list: WholeList, count: int, total: int | None) -> Finding:
    """Read twice, the list held another number of records than it says, or no end."""
    said = f"amoCRM counts {total}" if total is not None else "no page was the last one"
    return Finding(
        record_list,
        "list_unproven",
        may_miss=True,
        cause=f"read twice, it holds {count} records, and {said}. Nothing that is missing was marked as deleted.",
        fix="Materialise `raw_reference` again; if it stays so, report it to amoCRM's support.",
    )


def empty(record_list: WholeList) -> Finding:
    """A list that no account has empty."""
    return Finding(
        record_list,
        "list_empty",
        may_miss=True,
        cause="amoCRM answered twice that it is empty, which it is in no account. The table stays as it was.",
        fix="Materialise `raw_reference` again; if it stays so, authorise the source as an administrator.",
    )


def total_missing(record_list: WholeList) -> Finding:
    """The list lacks the count that the documentation shows."""
    return Finding(
        record_list,
        "total_missing",
        may_miss=False,
        cause="amoCRM gives no `_total_items`, so its end was proven by its pages alone. Nothing is missing.",
        fix="Nothing needs to be done; a proxy that rewrites amoCRM's answers would be a cause.",
    )
