"""One page of a list of records: the records' bytes as they were sent, and whether a next page exists.

Of a record only what reading needs is parsed here (`id`, `updated_at`, `is_deleted`, `account_id`); the rest
stays bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.days import MAX_AT

if TYPE_CHECKING:
    from amocrm_assets.crm.http.responses import Response


class RawRecord(NamedTuple):
    """A record as one line of JSON, with the properties that reading needs.

    `owners`: the type of entity it belongs to, if there is a list for each type.
    """

    id: int
    updated_at: int
    is_deleted: bool
    line: bytes
    owners: str | None = None
    account_id: int | None = None

    @property
    def key(self) -> int | tuple[str, int]:
        """Unique within its entity."""
        return self.id if self.owners is None else (self.owners, self.id)

    @property
    def at(self) -> int:
        """The second that determines its day."""
        return self.updated_at


class Unusable(NamedTuple):
    """A record without a usable id or `updated_at`; `id` is None if that is missing.

    A time beyond `MAX_AT` is not usable either: no day that is ever read has it.
    """

    id: int | str | None
    line: bytes


@dataclass(frozen=True)
class Page:
    """Records in the order of the response. `has_next`: it has `_links.next`.

    `unusable` are records that belong to no day. Damaged responses contain some, and so do some accounts.
    """

    records: tuple[RawRecord, ...]
    has_next: bool
    unusable: tuple[Unusable, ...] = ()

    @property
    def size(self) -> int:
        """Number of records in the response."""
        return len(self.records) + len(self.unusable)

    @property
    def times(self) -> list[int]:
        """The seconds of the records."""
        return [record.updated_at for record in self.records]


# The range of the shard's INTEGER: a record with another id could not become a row.
MIN_ID, MAX_ID = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"-?[0-9]{1,19}")
NOTHING = Page((), has_next=False)


def parse_page(response: Response, *, embedded: str) -> Page:
    """The page in a response, a list in the property `embedded` of `_embedded`; 204 is an empty one.

    Raises `RetryableError` for a body that is truncated, is not JSON, contains no list of objects, or does not
    show whether a next page exists: such a page proves nothing, and a retry is likely to return a complete one.
    """
    if response.status == NO_CONTENT:
        return NOTHING
    raws, links = raw_records(response, embedded)
    records = [_record(raw, response) for raw in raws]
    return Page(
        tuple(record for record in records if isinstance(record, RawRecord)),
        has_next(links, response),
        tuple(record for record in records if isinstance(record, Unusable)),
    )


def has_next(links: Any, response: Response) -> bool:
    """Whether a list's `_links` have a next page. Raises `RetryableError` for links that are no object."""
    if not isinstance(links, dict):
        raise RetryableError("a page whose _links are no object", status=response.status)
    return links.get("next") not in (None, False, "")


def raw_records(response: Response, embedded: str) -> tuple[list[bytes], Any]:
    """The bytes of each record of a page, and its links. Raises `RetryableError` as `parse_page` does."""
    import msgspec

    try:
        page = _page_decoder(embedded).decode(response.body)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return _slices_of_odd_json(response, embedded)
    return [one_line(bytes(raw)) for raw in page.embedded.records], page.links


def _slices_of_odd_json(response: Response, embedded: str) -> tuple[list[bytes], Any]:
    # msgspec refuses lone surrogates (half of an emoji that was cut), which the standard library accepts. Their
    # records are serialised again instead of sliced: the same JSON values, in the same order.
    body = response.json()
    try:
        records, links = body["_embedded"][embedded], body.get("_links")
    except (KeyError, TypeError, AttributeError) as error:
        raise RetryableError("a page that holds no list of records", status=response.status) from error
    if not isinstance(records, list):
        raise RetryableError("a page that holds no list of records", status=response.status)
    try:
        # Numbers that only Python accepts (NaN, 1e999) would be lines that no other parser reads.
        lines = [json.dumps(record, separators=(",", ":"), allow_nan=False).encode() for record in records]
    except ValueError as error:
        raise RetryableError("a page with numbers that are no JSON", status=response.status) from error
    return lines, links


def _record(raw: bytes, response: Response) -> RawRecord | Unusable:
    import msgspec

    try:
        head = _head_decoder().decode(raw)
        record_id, at, account_id = _whole(head.id), _whole(head.updated_at), number_of(head.account_id)
        if at > MAX_AT:
            return Unusable(record_id, raw)
        return RawRecord(record_id, at, head.is_deleted is True, raw, account_id=account_id)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError):
        return _record_of_odd_json(raw, response)


def _record_of_odd_json(raw: bytes, response: Response) -> RawRecord | Unusable:
    try:
        record: dict[str, Any] = json.loads(raw)
        record_id, updated_at = number_of(record.get("id")), number_of(record.get("updated_at"))
    except (ValueError, AttributeError) as error:
        raise RetryableError("a page whose records are no objects", status=response.status) from error
    if record_id is None or updated_at is None or updated_at > MAX_AT:
        return Unusable(record_id, raw)
    account_id = number_of(record.get("account_id"))
    return RawRecord(record_id, updated_at, record.get("is_deleted") is True, raw, account_id=account_id)


def number_of(value: Any) -> int | None:
    """The value as an integer, if it is one."""
    try:
        return _whole(value)
    except ValueError:
        return None  # the caller expects no number then


def _whole(value: Any) -> int:
    """The value as an integer by the rules of `rows`: what they would not accept must not count as read."""
    if type(value) is str and _DIGITS.fullmatch(value):
        return int(value)
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is no integer")
    return value


def one_line(raw: bytes) -> bytes:
    """JSON as one line, without its layout."""
    import msgspec

    # JSON strings contain no raw line break, so a line break is always layout.
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw or b"\r" in raw else raw


@cache
def _page_decoder(embedded: str) -> Any:
    import msgspec

    holder = msgspec.defstruct("Embedded", [("records", list[msgspec.Raw])], rename={"records": embedded})
    page = msgspec.defstruct(
        "RawPage",
        [("embedded", holder), ("links", Any, None)],
        rename={"embedded": "_embedded", "links": "_links"},
    )
    return msgspec.json.Decoder(page)


@cache
def _head_decoder() -> Any:
    import msgspec

    # Some gateways send numbers as strings.
    number = int | str
    return msgspec.json.Decoder(
        msgspec.defstruct(
            "Head",
            [("id", number), ("updated_at", number), ("is_deleted", Any, None), ("account_id", Any, None)],
        )
    )
