"""One pass over the pages of a small list: its records as they were sent, and what the pages state about them.

What passes prove together, and which lists are read again, is decided in `whole_lists`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.crm.pagination.pages import has_next, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.entities.reference import WholeList


# Page sizes that amoCRM is known to use are multiples of this: such a page may have been cut at its end.
_PAGE_UNIT = 50
# 250,000 records: no list that is read as a whole is nearly that long.
_MAX_PAGES = 1000


@dataclass(frozen=True)
class WholeListPage:
    """Records as lines of JSON. `total` is amoCRM's own count of all records of the list, None without one."""

    lines: tuple[bytes, ...]
    has_next: bool
    total: int | None


@dataclass(frozen=True)
class ListPass:
    """The records of one pass over the pages by identity, and what the pages state about their number and end.

    `total` is the largest count of the pages: one that has become smaller shows that a record moved to a page
    before it.
    """

    records: Mapping[object, bytes]
    total: int | None
    pages: int
    end_found: bool
    ends_empty: bool = False

    @property
    def lines(self) -> tuple[bytes, ...]:
        """The records."""
        return tuple(self.records.values())

    def lacks_proof(self) -> bool:
        """Whether their number is not amoCRM's or, without a count, no page was the last one."""
        return len(self.records) != self.total if self.total is not None else not self.end_found


def read_pass(client: AmoCrmClient, record_list: WholeList, *, should_be_filled: bool) -> ListPass:
    """Request page after page. `should_be_filled`: the list is known to have records."""
    records: dict[object, bytes] = {}
    total: int | None = None
    is_due = should_be_filled  # whether the next page should exist
    for page in range(1, _MAX_PAGES + 1):
        params = {**record_list.params, "page": page} if record_list.is_paged else record_list.params
        found = client.request(record_list.path, params, lambda response: parse_whole_list(response, record_list))
        new = {identity_of(line): line for line in found.lines}
        repeats = bool(new) and new.keys() <= records.keys()
        records |= new
        total = max((each for each in (total, found.total) if each is not None), default=None)
        if repeats or _is_last(found, record_list, is_counted=total is not None):
            ends_empty = is_due and not found.lines and not (records and len(records) == total)
            return ListPass(records, total, page, end_found=not repeats, ends_empty=ends_empty)
        is_due = found.has_next
    return ListPass(records, total, _MAX_PAGES, end_found=False)


def _is_last(page: WholeListPage, record_list: WholeList, *, is_counted: bool) -> bool:
    """Whether no page needs to be requested after this one. Without a count, a full page needs one."""
    if not page.lines or not record_list.is_paged:
        return True
    return not page.has_next and (is_counted or len(page.lines) % _PAGE_UNIT != 0)


def parse_whole_list(response: Response, record_list: WholeList) -> WholeListPage:
    """The page in a response. Raises `RetryableError` for a body that is damaged or contains no such list."""
    if response.status == NO_CONTENT:
        if record_list.embedded is None:
            raise RetryableError(f"no {record_list.title}", status=response.status)
        return WholeListPage((), has_next=False, total=None)
    body = response.json()
    if not isinstance(body, dict):
        raise RetryableError(f"no {record_list.title} but a {type(body).__name__}", status=response.status)
    if record_list.embedded is None:
        if body.get("id") is None:
            raise RetryableError(f"{record_list.title} without id", status=response.status)
        return WholeListPage((one_line(response.body),), has_next=False, total=1)
    total = body.get("_total_items")
    return WholeListPage(
        _lines(response, body, record_list),
        has_next(body.get("_links"), response),
        total if type(total) is int else None,
    )


def identity_of(line: bytes) -> object:
    """The identity of a record: its id, or all of it if it has none."""
    import msgspec

    try:
        record_id = _head_decoder().decode(line).id
    except (msgspec.DecodeError, msgspec.ValidationError):
        record_id = None
    return line if record_id is None else record_id


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
        return _serialised(records, response)


def _serialised(records: Sequence[Any], response: Response) -> tuple[bytes, ...]:
    try:
        # Numbers that only Python accepts (NaN, 1e999) would be lines that no other parser reads.
        return tuple(json.dumps(each, separators=(",", ":"), allow_nan=False).encode() for each in records)
    except ValueError as error:
        raise RetryableError("a page with numbers that are no JSON", status=response.status) from error


@cache
def _head_decoder() -> Any:
    import msgspec

    return msgspec.json.Decoder(msgspec.defstruct("Identified", [("id", int | str | None, None)]))
