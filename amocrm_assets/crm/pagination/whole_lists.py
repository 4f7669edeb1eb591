"""Reads small lists as a whole: every record, page by page, and whether these are provably all of them.

A list is complete if amoCRM's own count confirms it or, without a count, if its end is confirmed twice: no next
page, and a page that is not full or is followed by an empty one. Several pages without a count have to contain the
same records in two passes. A list without a count that has fewer records than before, and one that ends with an
empty page although there was a next one, are read again after all others, and after a record of another list was
seen.

What cannot be proven is a finding of that list, and a list that fails does not affect the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.http.responses import RetryableError
from amocrm_assets.crm.pagination import list_findings
from amocrm_assets.crm.pagination.pages import number_of
from amocrm_assets.crm.pagination.whole_list_pages import parse_whole_list, read_pass
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AmoCrmAssetsError,
    AmoCrmUnavailable,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.crm.pagination.whole_list_pages import ListPass
    from amocrm_assets.entities.reference import WholeList

TOO_MANY = 429
# After this many consecutive lists without a response from amoCRM, the others are not tried.
_MAX_UNANSWERED = 2
# So many passes over the pages of a list are made until they prove that it is complete.
_MAX_PASSES = 4
# So often a list is read again that had more records before, since a response may lack some by mistake.
MAX_READ_AGAIN = 4
# How amoCRM refuses a list that this account, or this user, does not have.
_REFUSALS = frozenset({400, 403, 404})


@dataclass(frozen=True)
class ListRead:
    """A list as it was read. `lines` are its records as they were sent, one line of JSON each.

    `is_complete`: a record that is not among them is not in amoCRM. `is_counted`: amoCRM sent their number.
    `ends_empty`: a page that should exist had no records. `error` was raised if the list failed.
    """

    record_list: WholeList
    lines: tuple[bytes, ...] = ()
    is_complete: bool = False
    is_counted: bool = False
    ends_empty: bool = False
    outcome: Literal["read", "refused", "failed"] = "read"
    findings: tuple[Finding, ...] = ()
    error: AmoCrmAssetsError | None = None


@dataclass
class _Readings:
    """The readings of one list: their number, and the largest number of records, in any of them and before."""

    before: int
    count: int = 0
    most: int = 0

    @property
    def max_records(self) -> int:
        return max(self.before, self.most)

    def add(self, found: ListRead) -> bool:
        """Whether to read the list again, since it may have had more records."""
        is_shorter = not found.is_counted and len(found.lines) < self.max_records
        self.count += 1
        self.most = max(self.most, len(found.lines))
        max_again = MAX_READ_AGAIN if is_shorter or not found.lines else 1
        return (found.ends_empty or is_shorter) and self.count <= max_again

    def assess(self, last: ListRead) -> ListRead:
        """The last reading. It proves nothing if it has fewer records than an earlier one."""
        if last.is_counted or not last.is_complete or len(last.lines) == self.most:
            return last
        finding = list_findings.readings_differ(last.record_list, self.count)
        return replace(last, is_complete=False, findings=(*last.findings, finding))


def read_whole_lists(
    client: AmoCrmClient, lists: Sequence[WholeList], *, user: str, records_before: Mapping[str, int]
) -> Iterator[ListRead]:
    """Read lists one after the other. Rights are those of `user`; `records_before` were in the lists of that name.

    Raises errors that concern the whole account: a refused token, a block, repeated 429s, `Cancelled`.
    """
    unanswered = 0
    filled: WholeList | None = None
    is_witnessed = False
    read_again: list[WholeList] = []
    readings = {each.name: _Readings(records_before.get(each.name, 0)) for each in lists}
    for each in chain(lists, read_again):
        earlier = readings[each.name]
        try:
            if unanswered == _MAX_UNANSWERED:
                raise list_findings.not_tried(each)
            if filled and earlier.count and not is_witnessed:
                require_records(client, filled)
                is_witnessed = True
            found = read_whole_list(client, each, was_filled=earlier.max_records > 0)
            unanswered = 0
            if earlier.add(found):
                read_again.append(each)
                continue
            filled = each if found.lines else filled
            yield earlier.assess(found if filled else _without_witness(found))
        except (AccessDenied, AccountBlocked, UnexpectedAnswer) as error:
            yield _refused(client, each, error, user)
        except AmoCrmUnavailable as error:
            if error.facts.get("status") == TOO_MANY:
                raise
            unanswered = min(unanswered + 1, _MAX_UNANSWERED)
            yield _failed(each, error)


def read_whole_list(client: AmoCrmClient, record_list: WholeList, *, was_filled: bool = False) -> ListRead:
    """Read one list, again if that could not be proven complete."""
    should_be_filled = was_filled or record_list.is_never_empty
    passes = [read_pass(client, record_list, should_be_filled=should_be_filled)]
    while len(passes) < _MAX_PASSES and _is_doubtful(record_list, passes):
        is_filled = should_be_filled or any(each.records for each in passes)
        passes.append(read_pass(client, record_list, should_be_filled=is_filled))
    whole = passes[-1]
    findings: list[Finding] = []
    if not whole.lines and record_list.is_never_empty:
        findings.append(list_findings.empty(record_list))
    elif whole.lacks_proof():
        findings.append(list_findings.unproven(record_list, len(whole.lines), whole.total))
    elif _lacks_parts(record_list, whole.lines):
        findings.append(list_findings.parts_missing(record_list))
    elif _is_doubtful(record_list, passes):
        findings.append(list_findings.readings_differ(record_list, len(passes)))
    elif record_list.has_total and whole.total is None and whole.lines:
        findings.append(list_findings.total_missing(record_list))
    return ListRead(
        record_list,
        whole.lines,
        is_complete=not any(finding.may_miss for finding in findings),
        is_counted=whole.total is not None,
        ends_empty=whole.ends_empty,
        findings=tuple(findings),
    )


def _is_doubtful(record_list: WholeList, passes: Sequence[ListPass]) -> bool:
    """Whether to read a list again.

    If a record is deleted while a list of several pages is read, another one moves to a page that was read before.
    Without a count, only a second pass with the same records shows that none has.
    """
    *before, last = passes
    if last.lacks_proof() or _lacks_parts(record_list, last.lines):
        return not before
    if last.total is not None or (last.pages == 1 and not before):
        return False
    return not before or before[-1].records.keys() != last.records.keys()


def require_records(client: AmoCrmClient, record_list: WholeList) -> None:
    """Request a list that is known to have records until it has some: all lists may be empty for a while."""

    def check(response: Response) -> None:
        if not parse_whole_list(response, record_list).lines:
            raise RetryableError(f"a list of {record_list.title} without any record", status=response.status)

    client.request(record_list.path, record_list.params, check)


def _lacks_parts(record_list: WholeList, lines: Sequence[bytes]) -> bool:
    """Whether a record lacks objects that each record of the list has."""
    always = record_list.always_within
    return bool(always) and any(not always <= _ids_within(record_list, line) for line in lines)


def _ids_within(record_list: WholeList, line: bytes) -> set[int | None]:
    try:
        return {number_of(each.get("id")) for each in json.loads(line)["_embedded"][record_list.within]}
    except (KeyError, TypeError, AttributeError):
        return set()


def _without_witness(read: ListRead) -> ListRead:
    """A list that was empty twice, like all others: amoCRM may return no records at all."""
    if read.findings or not read.ends_empty:
        return read
    return replace(read, is_complete=False, findings=(list_findings.all_empty(read.record_list),))


def _refused(
    client: AmoCrmClient,
    record_list: WholeList,
    error: AccessDenied | AccountBlocked | UnexpectedAnswer,
    user: str,
) -> ListRead:
    """A list that is refused to this user or account; any other error is a failure of the list."""
    if error.facts.get("status") not in _REFUSALS:
        return _failed(record_list, error)
    if isinstance(error, AccountBlocked):
        client.get("/api/v4/account")  # a gateway's page may refuse everything, or this path for this user
    return ListRead(
        record_list, outcome="refused", findings=(list_findings.refused(record_list, error, user),), error=error
    )


def _failed(record_list: WholeList, error: AmoCrmAssetsError) -> ListRead:
    return ListRead(
        record_list, outcome="failed", findings=(list_findings.failed(record_list, error),), error=error
    )
