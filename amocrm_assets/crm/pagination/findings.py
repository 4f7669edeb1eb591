"""What a reading noticed about a list of an account that a person should know.

A finding says whether records may be missing because of it. How findings are shown and assessed: see
`orchestration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.pages import Unusable
    from amocrm_assets.entities import RecordList

# So many records that belong to no day are named.
MAX_NAMED = 10

FindingKind = Literal[
    "filters_ignored",
    "only_deleted_ignored",
    "only_deleted_mixed",
    "records_unusable",
    "next_on_last_page",
    "details_left_out",
    "types_ignored",
    "list_refused",
    "list_failed",
    "list_unproven",
    "list_empty",
    "total_missing",
]


class NamedList(Protocol):
    """A list as findings call it: a `RecordList`, or one that is read whole."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def title(self) -> str:
        """In a sentence."""


@dataclass(frozen=True)
class Finding:
    """`record_list` is the list that it is about; `may_miss`: records of it may be missing."""

    record_list: NamedList
    kind: FindingKind
    may_miss: bool
    cause: str
    fix: str

    def __str__(self) -> str:
        """One line: the list, the cause and the fix."""
        return f"List of {self.record_list.title}: {self.cause} {self.fix}"


class FindingLog:
    """What was found out about one list, each kind once, in the order of finding it."""

    def __init__(self) -> None:
        self._findings: dict[FindingKind, Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of it."""
        return tuple(self._findings.values())

    def found(self, finding: Finding) -> None:
        """Note a finding."""
        self._findings.setdefault(finding.kind, finding)


def filters_ignored(record_list: RecordList) -> Finding:
    """The list holds records that the filter by time excludes."""
    return Finding(
        record_list,
        "filters_ignored",
        may_miss=False,
        cause="The account ignores filters: each day was found by reading all newer"
        f" {record_list.records}. Nothing is missing.",
        fix="Ask amoCRM's support to switch on filtering by API for the account.",
    )


def only_deleted_ignored(record_list: RecordList) -> Finding:
    """Asked twice for deleted records, amoCRM sent live ones."""
    return Finding(
        record_list,
        "only_deleted_ignored",
        may_miss=True,
        cause=f"asked for deleted {record_list.records}, amoCRM sends live ones. Deleted ones of these days are"
        " missing.",
        fix="Ask amoCRM's support why `with=only_deleted` is ignored. `import_deleted: false` in the source's"
        " defs.yaml imports live ones only, and this check passes again.",
    )


def only_deleted_mixed(record_list: RecordList) -> Finding:
    """Asked twice for deleted records, amoCRM sent both kinds on one page."""
    return Finding(
        record_list,
        "only_deleted_mixed",
        may_miss=True,
        cause=f"asked for deleted {record_list.records}, amoCRM sends live ones among them. The deleted ones"
        " were kept; nothing proves that they are all.",
        fix="Ask amoCRM's support why `with=only_deleted` shows live ones, or set `import_deleted: false`.",
    )


def records_unusable(record_list: RecordList, records: Sequence[Unusable]) -> Finding:
    """Records came without a usable id or `updated_at`, the same ones again and again."""
    ids = [f"id {each.id}" if each.id is not None else "one without id" for each in records]
    named = ", ".join(ids[:MAX_NAMED]) + (f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else "")
    return Finding(
        record_list,
        "records_unusable",
        may_miss=True,
        cause=f"amoCRM sends records without a usable id or updated_at, so they belong to no day: {named}.",
        fix="They are in no capture. Edit and save these records in amoCRM, or restore and delete them again,"
        " which gives them a time; then materialise the day of that edit.",
    )


def next_on_last_page(record_list: RecordList) -> Finding:
    """`_links.next` is there though nothing follows."""
    return Finding(
        record_list,
        "next_on_last_page",
        may_miss=False,
        cause="amoCRM names a next page behind the last record, so the end was proven by other requests. Nothing"
        " is missing.",
        fix="Nothing needs to be done; a proxy that rewrites amoCRM's answers would be a cause.",
    )


def types_ignored(record_list: RecordList) -> Finding:
    """Records of other types than those named came."""
    return Finding(
        record_list,
        "types_ignored",
        may_miss=False,
        cause=f"amoCRM sends {record_list.records} of other types than `filter[{record_list.type_property}]`"
        " names. Those were left out, and nothing of the named types is missing.",
        fix="Nothing needs to be done; a proxy that drops parameters would be a cause.",
    )


def details_left_out(record_list: RecordList) -> Finding:
    """Pages with what hangs on the records failed again and again, and the same pages without them came."""
    return Finding(
        record_list,
        "details_left_out",
        may_miss=False,
        cause=f"amoCRM does not answer pages of {record_list.records} with what hangs on them"
        f" (`with={','.join(record_list.details)}`), so some were read without it. No record is missing.",
        fix="Materialise the days again at another time of day to get them. If that does not help, report to"
        f" amoCRM's support that GET {record_list.path}?with={','.join(record_list.details)} fails.",
    )
