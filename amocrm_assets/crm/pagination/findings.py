"""Findings: unexpected behaviour of an account's list that users should know about.

A finding says whether records may be missing because of it. For how findings are shown and assessed see
`orchestration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.pages import Unusable
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList

# Maximum number of named records that belong to no day.
MAX_NAMED = 10

FindingKind = Literal[
    "filters_ignored",
    "only_deleted_ignored",
    "only_deleted_mixed",
    "records_unusable",
    "next_on_last_page",
    "details_left_out",
    "types_ignored",
    "count_differs",
    "list_refused",
    "list_failed",
    "list_unproven",
    "list_empty",
    "parts_missing",
    "total_missing",
]


class NamedList(Protocol):
    """A list in findings: a `RecordList`, or a reference list."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def title(self) -> str:
        """The name within a sentence."""


@dataclass(frozen=True)
class Finding:
    """`record_list` is the affected list; `may_miss`: records of it may be missing."""

    record_list: NamedList
    kind: FindingKind
    may_miss: bool
    cause: str
    fix: str

    def __str__(self) -> str:
        """One line: the list, the cause and the fix."""
        return f"List of {self.record_list.title}: {self.cause} {self.fix}"


class FindingLog:
    """The findings about one list, each kind once, in the order of occurrence."""

    def __init__(self) -> None:
        self._findings: dict[FindingKind, Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings."""
        return tuple(self._findings.values())

    def found(self, finding: Finding) -> None:
        """Add a finding."""
        self._findings.setdefault(finding.kind, finding)


def filters_ignored(record_list: RecordList) -> Finding:
    """The list contains records that the time filter excludes."""
    return Finding(
        record_list,
        "filters_ignored",
        may_miss=False,
        cause="The account ignores filters: each day was read by reading all newer"
        f" {record_list.records}. Nothing is missing.",
        fix="Ask amoCRM's support to enable filtering in the API for the account.",
    )


def only_deleted_ignored(record_list: RecordList) -> Finding:
    """Two requests for deleted records returned live ones."""
    return Finding(
        record_list,
        "only_deleted_ignored",
        may_miss=True,
        cause=f"a request for deleted {record_list.records} returns live ones. Deleted ones of these days are"
        " missing.",
        fix="Ask amoCRM's support why `with=only_deleted` is ignored. `import_deleted: false` in the source's"
        " defs.yaml imports live ones only, and this check passes again.",
    )


def only_deleted_mixed(record_list: RecordList) -> Finding:
    """Two requests for deleted records returned both kinds on one page."""
    return Finding(
        record_list,
        "only_deleted_mixed",
        may_miss=True,
        cause=f"a request for deleted {record_list.records} also returns live ones. The deleted ones"
        " were stored, but there may be more of them.",
        fix="Ask amoCRM's support why `with=only_deleted` returns live ones, or set `import_deleted: false`.",
    )


def records_unusable(record_list: RecordList, records: Sequence[Unusable]) -> Finding:
    """The same records repeatedly came without a usable id or `updated_at`."""
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
    """`_links.next` is present though nothing follows."""
    return Finding(
        record_list,
        "next_on_last_page",
        may_miss=False,
        cause="amoCRM's last page links to a next page, so the end was verified by other requests. Nothing"
        " is missing.",
        fix="Nothing to do; a possible cause is a proxy that rewrites amoCRM's responses.",
    )


def types_ignored(record_list: RecordList) -> Finding:
    """The list contains types that were not requested."""
    return Finding(
        record_list,
        "types_ignored",
        may_miss=False,
        cause=f"amoCRM sends {record_list.records} of types that are not in `filter[{record_list.type_property}]`."
        " Those were left out, and nothing of the requested types is missing.",
        fix="Nothing to do; a possible cause is a proxy that drops parameters.",
    )


def count_differs(record_list: RecordList, window: Window) -> Finding:
    """The page behind the records of some seconds was not as long as their count says, or a page is missing."""
    began, ended = (
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}" for at in (window.from_at, window.to_at)
    )
    return Finding(
        record_list,
        "count_differs",
        may_miss=True,
        cause=f"from {began} to {ended} UTC, amoCRM's pages contradict each other about how many"
        f" {record_list.records} there are. All that were returned were stored, but there may be more of them.",
        fix="Materialise the day again; if it still fails, report it to amoCRM's support.",
    )


def details_left_out(record_list: RecordList) -> Finding:
    """Pages with details repeatedly failed, while the same pages without details succeeded."""
    return Finding(
        record_list,
        "details_left_out",
        may_miss=False,
        cause=f"pages of {record_list.records} with embedded details fail"
        f" (`with={','.join(record_list.details)}`), so some were read without them. No record is missing.",
        fix="Materialise the days again at another time of day to get them. If that does not help, report to"
        f" amoCRM's support that GET {record_list.path}?with={','.join(record_list.details)} fails.",
    )
