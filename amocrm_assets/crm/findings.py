"""What a reading noticed about a list of an account that a person should know.

A finding says whether records may be missing because of it. How findings are shown and judged is known to
`orchestration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pages import Unusable

# So many records that belong to no day are named.
MAX_NAMED = 10

FindingKind = Literal[
    "filters_ignored",
    "only_deleted_ignored",
    "only_deleted_mixed",
    "records_unusable",
    "next_on_last_page",
    "details_left_out",
    "list_refused",
    "list_failed",
    "list_unproven",
    "list_empty",
    "total_missing",
]


@dataclass(frozen=True)
class Finding:
    """`record_list` is the list that it is about; `may_miss`: records of it may be missing."""

    record_list: str
    kind: FindingKind
    may_miss: bool
    cause: str
    fix: str

    def __str__(self) -> str:
        """One line: the list, the cause and the fix."""
        return f"List of {LIST_NAMES.get(self.record_list, self.record_list)}: {self.cause} {self.fix}"


LIST_NAMES = {"leads": "leads", "deleted": "deleted leads (`with=only_deleted`)"}


def filters_ignored(record_list: str) -> Finding:
    """The list holds records that the filter by time excludes."""
    return Finding(
        record_list,
        "filters_ignored",
        may_miss=False,
        cause="The account ignores filters: each day was read by a walk over all newer leads. Nothing is missing.",
        fix="Ask amoCRM's support to switch on filtering by API for the account.",
    )


def only_deleted_ignored(record_list: str) -> Finding:
    """Asked twice for deleted leads, amoCRM sent live ones."""
    return Finding(
        record_list,
        "only_deleted_ignored",
        may_miss=True,
        cause="asked for deleted leads, amoCRM sends live ones. Deleted leads of these days are missing.",
        fix="Ask amoCRM's support why `with=only_deleted` is ignored. `import_deleted: false` in the source's"
        " defs.yaml imports live leads only, and this check passes again.",
    )


def only_deleted_mixed(record_list: str) -> Finding:
    """Asked twice for deleted leads, amoCRM sent both kinds on one page."""
    return Finding(
        record_list,
        "only_deleted_mixed",
        may_miss=True,
        cause="asked for deleted leads, amoCRM sends live ones among them. The deleted ones were kept; nothing"
        " proves that they are all.",
        fix="Ask amoCRM's support why `with=only_deleted` shows live leads, or set `import_deleted: false`.",
    )


def records_unusable(record_list: str, records: Sequence[Unusable]) -> Finding:
    """Records came without a usable id or `updated_at`, the same ones again and again."""
    ids = [f"lead {each.id}" if each.id is not None else "a lead without id" for each in records]
    named = ", ".join(ids[:MAX_NAMED]) + (f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else "")
    return Finding(
        record_list,
        "records_unusable",
        may_miss=True,
        cause=f"amoCRM sends records without a usable id or updated_at, so they belong to no day: {named}.",
        fix="They are in no capture. Edit and save these leads in amoCRM, or restore and delete them again, which"
        " gives them a time; then materialise the day of that edit.",
    )


def next_on_last_page(record_list: str) -> Finding:
    """`_links.next` is there though nothing follows."""
    return Finding(
        record_list,
        "next_on_last_page",
        may_miss=False,
        cause="amoCRM names a next page behind the last record, so the end was proven by other requests. Nothing"
        " is missing.",
        fix="Nothing needs to be done; a proxy that rewrites amoCRM's answers would be a cause.",
    )


def details_left_out(record_list: str) -> Finding:
    """Pages with contacts and the like failed again and again, and the same pages without them came."""
    return Finding(
        record_list,
        "details_left_out",
        may_miss=False,
        cause="amoCRM does not answer pages of leads with their contacts, products, sources and loss reasons, so"
        " some leads were read without these. No lead is missing.",
        fix="Materialise the days again at another time of day to get them. If that does not help, report to"
        " amoCRM's support that GET /api/v4/leads?with=contacts,catalog_elements fails.",
    )
