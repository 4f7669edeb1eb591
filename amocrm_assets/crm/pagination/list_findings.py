"""Findings about reference lists: missing permissions, and lists that could not be verified as complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.findings import Finding
from amocrm_assets.errors import AmoCrmUnavailable

if TYPE_CHECKING:
    from amocrm_assets.entities.reference import WholeList
    from amocrm_assets.errors import AmoCrmAssetsError

_REPORT_IT = "Materialise `raw_reference` again; if it still fails, report it to amoCRM's support."


def refused(record_list: WholeList, error: AmoCrmAssetsError, user: str) -> Finding:
    """amoCRM refuses the list to the authorising user."""
    status = error.facts.get("status")
    whose = "an administrator" if record_list.name == "users" else "a user who may see them, or an administrator"
    return Finding(
        record_list,
        "list_refused",
        may_miss=True,
        cause=f"amoCRM returns {status} to {record_list.path} for {user}. The table is unchanged.",
        fix=f"Authorise the source as {whose}, or set `import_reference: false` in its defs.yaml.",
    )


def failed(record_list: WholeList, error: AmoCrmAssetsError) -> Finding:
    """The list could not be read this time."""
    return Finding(
        record_list,
        "list_failed",
        may_miss=True,
        cause=f"it could not be read: {error.cause} The table is unchanged.",
        fix="Materialise `raw_reference` again later; if it still fails, check amoCRM's status page.",
    )


def not_tried(record_list: WholeList) -> AmoCrmUnavailable:
    """The error for a list that was skipped, since amoCRM did not respond to the previous ones."""
    return AmoCrmUnavailable(
        f"Reading {record_list.path}",
        cause="amoCRM did not respond for the two lists before it, so it was not requested.",
        fix="Materialise `raw_reference` again later.",
    )


def unproven(record_list: WholeList, count: int, total: int | None) -> Finding:
    """In two attempts, the list had a different number of records than its count, or no end."""
    evidence = f"amoCRM counts {total}" if total is not None else "no page was the last one"
    return Finding(
        record_list,
        "list_unproven",
        may_miss=True,
        cause=f"in two attempts, it had {count} records, and {evidence}. No missing record was marked as deleted.",
        fix=_REPORT_IT,
    )


def empty(record_list: WholeList) -> Finding:
    """An empty list that is empty in no account."""
    return Finding(
        record_list,
        "list_empty",
        may_miss=True,
        cause="amoCRM twice returned it empty, which it is in no account. The table is unchanged.",
        fix="Materialise `raw_reference` again; if it still fails, authorise the source as an administrator.",
    )


def all_empty(record_list: WholeList) -> Finding:
    """An empty list that had records before, while no other list has any."""
    return Finding(
        record_list,
        "list_empty",
        may_miss=True,
        cause="amoCRM twice returned it empty, as all other lists. No record was marked as deleted.",
        fix="Materialise `raw_reference` again later; if it still fails, report it to amoCRM's support.",
    )


def parts_missing(record_list: WholeList) -> Finding:
    """Twice, a record lacked objects that each record of the list has."""
    ids = " and ".join(map(str, sorted(record_list.always_within)))
    return Finding(
        record_list,
        "parts_missing",
        may_miss=True,
        cause=f"twice, one of them came without the {record_list.within} {ids}, which each one has. No missing"
        " record was marked as deleted.",
        fix=_REPORT_IT,
    )


def readings_differ(record_list: WholeList, times: int) -> Finding:
    """Several readings of a list without a count differed: any of them may lack records."""
    return Finding(
        record_list,
        "list_unproven",
        may_miss=True,
        cause=f"it was read {times} times and had different records. No missing record was marked as deleted.",
        fix=_REPORT_IT,
    )


def total_missing(record_list: WholeList) -> Finding:
    """The list has no count, although the documentation shows one."""
    return Finding(
        record_list,
        "total_missing",
        may_miss=False,
        cause="it has no `_total_items`, so its end was verified by its pages. Nothing is missing.",
        fix="Nothing to do; a possible cause is a proxy that rewrites amoCRM's responses.",
    )
