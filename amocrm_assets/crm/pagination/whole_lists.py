"""Reads small lists as a whole: every record, page by page, and whether these are provably all of them.

A list is complete if amoCRM's own count confirms it or, without a count, if its end is confirmed twice: no next
page, and a page that is not full or is followed by an empty one. A list that ends with an empty page although it
had records before, or a next page, is read again after all others, and after a record of another list was seen.

What cannot be proven is a finding of that list, and a list that fails does not affect the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.crm.pagination import list_findings
from amocrm_assets.crm.pagination.pages import has_next, number_of, one_line
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AmoCrmAssetsError,
    AmoCrmUnavailable,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.entities.reference import WholeList

TOO_MANY = 429
# Page sizes that amoCRM is known to use are multiples of this: such a page may have been cut at its end.
_PAGE_UNIT = 50
# 250,000 records: no list that is read as a whole is nearly that long.
_MAX_PAGES = 1000
# After this many consecutive lists without a response from amoCRM, the others are not tried.
_MAX_UNANSWERED = 2
# So often a list is read again that had records and has none, since its response may be empty by mistake.
MAX_READ_AGAIN = 4
# How amoCRM refuses a list that this account, or this user, does not have.
_REFUSALS = frozenset({400, 403, 404})


@dataclass(frozen=True)
class ListRead:
    """A list as it was read. `lines` are its records as they were sent, one line of JSON each.

    `is_complete`: a record that is not among them is not in amoCRM. `ends_empty`: a page that should
    exist had no records. `error` was raised if the list failed.
    """

    record_list: WholeList
    lines: tuple[bytes, ...] = ()
    is_complete: bool = False
    ends_empty: bool = False
    outcome: Literal["read", "refused", "failed"] = "read"
    findings: tuple[Finding, ...] = ()
    error: AmoCrmAssetsError | None = None


@dataclass(frozen=True)
class _Page:
    lines: tuple[bytes, ...]
    has_next: bool
    total: int | None


@dataclass(frozen=True)
class _AllPages:
    """The records of one pass over the pages, each once, and what the pages state about their number and end."""

    lines: tuple[bytes, ...]
    total: int | None
    end_found: bool
    ends_empty: bool = False

    def lacks_proof(self) -> bool:
        return len(self.lines) != self.total if self.total is not None else not self.end_found


def read_whole_lists(
    client: AmoCrmClient, lists: Sequence[WholeList], *, user: str, filled_before: Collection[str]
) -> Iterator[ListRead]:
    """Read lists one after the other. Rights are those of `user`; `filled_before` had records.

    Raises errors that concern the whole account: a refused token, a block, repeated 429s, `Cancelled`.
    """
    unanswered = 0
    filled: WholeList | None = None
    is_witnessed = False
    read_again: list[WholeList] = []
    for each in chain(lists, read_again):
        is_first = each not in read_again
        try:
            if unanswered == _MAX_UNANSWERED:
                raise list_findings.not_tried(each)
            if filled and not is_first and not is_witnessed:
                require_records(client, filled)
                is_witnessed = True
            found = read_whole_list(client, each, was_filled=each.name in filled_before)
            unanswered = 0
            if found.ends_empty and read_again.count(each) < (1 if found.lines else MAX_READ_AGAIN):
                read_again.append(each)
                continue
            filled = each if found.lines else filled
            yield found if filled else _without_witness(found)
        except (AccessDenied, AccountBlocked, UnexpectedAnswer) as error:
            yield _refused(client, each, error, user)
        except AmoCrmUnavailable as error:
            if error.facts.get("status") == TOO_MANY:
                raise
            unanswered = min(unanswered + 1, _MAX_UNANSWERED)
            yield _failed(each, error)


def read_whole_list(client: AmoCrmClient, record_list: WholeList, *, was_filled: bool = False) -> ListRead:
    """Read one list, a second time if the first could not be proven complete."""
    should_be_filled = was_filled or record_list.is_never_empty
    whole = _read_pages(client, record_list, should_be_filled=should_be_filled)
    if whole.lacks_proof() or _lacks_parts(record_list, whole.lines):
        whole = _read_pages(client, record_list, should_be_filled=should_be_filled)
    findings: list[Finding] = []
    if not whole.lines and record_list.is_never_empty:
        findings.append(list_findings.empty(record_list))
    elif whole.lacks_proof():
        findings.append(list_findings.unproven(record_list, len(whole.lines), whole.total))
    elif _lacks_parts(record_list, whole.lines):
        findings.append(list_findings.parts_missing(record_list))
    elif record_list.has_total and whole.total is None and whole.lines:
        findings.append(list_findings.total_missing(record_list))
    is_complete = not any(finding.may_miss for finding in findings)
    return ListRead(record_list, whole.lines, is_complete, whole.ends_empty, findings=tuple(findings))


def require_records(client: AmoCrmClient, record_list: WholeList) -> None:
    """Request a list that is known to have records until it has some: all lists may be empty for a while."""

    def check(response: Response) -> None:
        if not _page_of(response, record_list).lines:
            raise RetryableError(f"a list of {record_list.title} without any record", status=response.status)

    client.request(record_list.path, record_list.params, check)


def _read_pages(client: AmoCrmClient, record_list: WholeList, *, should_be_filled: bool) -> _AllPages:
    records: dict[object, bytes] = {}
    total: int | None = None
    is_due = should_be_filled  # whether the next page should exist
    for page in range(1, _MAX_PAGES + 1):
        params = {**record_list.params, "page": page} if record_list.is_paged else record_list.params
        found = client.request(record_list.path, params, lambda response: _page_of(response, record_list))
        new = {_identity(line): line for line in found.lines}
        repeats = bool(new) and new.keys() <= records.keys()
        records |= new
        total = found.total if found.total is not None else total
        if repeats or _is_last(found, record_list, is_all=len(records) == total, is_counted=total is not None):
            ends_empty = is_due and not found.lines
            return _AllPages(tuple(records.values()), total, end_found=not repeats, ends_empty=ends_empty)
        is_due = found.has_next
    return _AllPages(tuple(records.values()), total, end_found=False)


def _is_last(page: _Page, record_list: WholeList, *, is_all: bool, is_counted: bool) -> bool:
    """Whether no page needs to be requested after this one. Without a count, a full page needs one."""
    if is_all or not page.lines or not record_list.is_paged:
        return True
    return not page.has_next and (is_counted or len(page.lines) % _PAGE_UNIT != 0)


def _lacks_parts(record_list: WholeList, lines: Sequence[bytes]) -> bool:
    """Whether a record lacks objects that each record of the list has."""
    always = record_list.always_within
    return bool(always) and any(not always <= _ids_within(record_list, line) for line in lines)


def _ids_within(record_list: WholeList, line: bytes) -> set[int | None]:
    try:
        return {number_of(each.get("id")) for each in json.loads(line)["_embedded"][record_list.within]}
    except (KeyError, TypeError, AttributeError):
        return set()


def _identity(line: bytes) -> object:
    """The identity of a record: its id, or all of it if it has none."""
    import msgspec

    try:
        record_id = _head_decoder().decode(line).id
    except (msgspec.DecodeError, msgspec.ValidationError):
        record_id = None
    return line if record_id is None else record_id


def _page_of(response: Response, record_list: WholeList) -> _Page:
    """The page in a response. Raises `RetryableError` for a body that is damaged or contains no such list."""
    if response.status == NO_CONTENT:
        if record_list.embedded is None:
            raise RetryableError(f"no {record_list.title}", status=response.status)
        return _Page((), has_next=False, total=None)
    body = response.json()
    if not isinstance(body, dict):
        raise RetryableError(f"no {record_list.title} but a {type(body).__name__}", status=response.status)
    if record_list.embedded is None:
        if body.get("id") is None:
            raise RetryableError(f"{record_list.title} without id", status=response.status)
        return _Page((one_line(response.body),), has_next=False, total=1)
    total = body.get("_total_items")
    return _Page(
        _lines(response, body, record_list),
        has_next(body.get("_links"), response),
        total if type(total) is int else None,
    )


def _lines(response: Response, body: dict[str, Any], record_list: WholeList) -> tuple[bytes, ...]:
    """The records' own bytes, or serialised again if only the standard library accepts the response."""
    import msgspec

    embedded = body.get("_embedded")
    records = embedded.get(record_list.embedded) if isinstance(embedded, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise RetryableError(f"a page that holds no list of {record_list.title}", status=response.status)
    try:
        raws = msgspec.json.decode(response.body, type=dict[str, msgspec.Raw])["_embedded"]
        held = msgspec.json.decode(raws, type=dict[str, msgspec.Raw])[str(record_list.embedded)]
        return tuple(one_line(bytes(raw)) for raw in msgspec.json.decode(held, type=list[msgspec.Raw]))
    except msgspec.DecodeError:  # half of an emoji, which msgspec refuses
        return tuple(json.dumps(record, separators=(",", ":")).encode() for record in records)


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


@cache
def _head_decoder() -> Any:
    import msgspec

    return msgspec.json.Decoder(msgspec.defstruct("Identified", [("id", int | str | None, None)]))
