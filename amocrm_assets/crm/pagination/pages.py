"""One page of a list of records: the records' bytes as they were sent, and whether a next page exists.

Of a record only what reading needs is looked at here (`id`, `updated_at`, `is_deleted`, `account_id`); the rest
stays bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError

if TYPE_CHECKING:
    from amocrm_assets.crm.http.responses import Response


class RawRecord(NamedTuple):
    """A record as one line of JSON, with what reading must know of it.

    `owners`: what it hangs on, in an entity whose records are in a list for each kind of owners.
    """

    id: int
    updated_at: int
    is_deleted: bool
    line: bytes
    owners: str | None = None
    account_id: int | None = None

    @property
    def key(self) -> int | tuple[str, int]:
        """What tells it apart from the other records of its entity."""
        return self.id if self.owners is None else (self.owners, self.id)

    @property
    def at(self) -> int:
        """The second that decides to which day it belongs."""
        return self.updated_at


class Unusable(NamedTuple):
    """A record without a usable id or `updated_at`; `id` is None where that is what it lacks."""

    id: int | str | None
    line: bytes


@dataclass(frozen=True)
class Page:
    """Records in the order of the answer. `has_next` is amoCRM's own word, from `_links.next`.

    `unusable` are records that no reading can place. A damaged answer holds some, and so do some accounts.
    """

    records: tuple[RawRecord, ...]
    has_next: bool
    unusable: tuple[Unusable, ...] = ()

    @property
    def size(self) -> int:
        """How many records the answer held."""
        return len(self.records) + len(self.unusable)


# Of the shard's INTEGER: a record with another id could not become a row.
MIN_ID, MAX_ID = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"-?[0-9]{1,19}")
NOTHING = Page((), has_next=False)


def parse_page(answer: Response, *, embedded: str) -> Page:
    """The page in an answer, a list in the property `embedded` of `_embedded`; 204 is an empty one.

    Raises `RetryableError` for a body that is cut off, is no JSON, holds no list of objects, or does not say
    whether a next page exists: such a page proves nothing, and another try is likely to bring a whole one.
    """
    if answer.status == NO_CONTENT:
        return NOTHING
    raws, links = raw_records(answer, embedded)
    records = [_record(raw, answer) for raw in raws]
    return Page(
        tuple(record for record in records if isinstance(record, RawRecord)),
        has_next(links, answer),
        tuple(record for record in records if isinstance(record, Unusable)),
    )


def has_next(links: Any, answer: Response) -> bool:
    """Whether a list's `_links` name a next page. Raises `RetryableError` for links that are no object."""
    if not isinstance(links, dict):
        raise RetryableError("a page whose _links are no object", status=answer.status)
    return links.get("next") not in (None, False, "")


def raw_records(answer: Response, embedded: str) -> tuple[list[bytes], Any]:
    """The bytes of each record of a page, and its links. Raises `RetryableError` as `parse_page` does."""
    import msgspec

    try:
        page = _page_decoder(embedded).decode(answer.body)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return _slices_of_odd_json(answer, embedded)
    return [one_line(bytes(raw)) for raw in page.embedded.records], page.links


def _slices_of_odd_json(answer: Response, embedded: str) -> tuple[list[bytes], Any]:
    # msgspec refuses lone surrogates (half an emoji that somebody cut), which the standard library reads. Their
    # records are written again instead of sliced: the same JSON values, in the same order.
    body = answer.json()
    try:
        records, links = body["_embedded"][embedded], body.get("_links")
    except (KeyError, TypeError, AttributeError) as error:
        raise RetryableError("a page that holds no list of records", status=answer.status) from error
    if not isinstance(records, list):
        raise RetryableError("a page that holds no list of records", status=answer.status)
    try:
        # Numbers that only Python knows (NaN, 1e999) would be lines that nothing reads again.
        lines = [json.dumps(record, separators=(",", ":"), allow_nan=False).encode() for record in records]
    except ValueError as error:
        raise RetryableError("a page with numbers that are no JSON", status=answer.status) from error
    return lines, links


def _record(raw: bytes, answer: Response) -> RawRecord | Unusable:
    import msgspec

    try:
        head = _head_decoder().decode(raw)
        at, account_id = _whole(head.updated_at), number_of(head.account_id)
        return RawRecord(_whole(head.id), at, head.is_deleted is True, raw, account_id=account_id)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError):
        return _record_of_odd_json(raw, answer)


def _record_of_odd_json(raw: bytes, answer: Response) -> RawRecord | Unusable:
    try:
        record: dict[str, Any] = json.loads(raw)
        record_id, updated_at = number_of(record.get("id")), number_of(record.get("updated_at"))
    except (ValueError, AttributeError) as error:
        raise RetryableError("a page whose records are no objects", status=answer.status) from error
    if record_id is None or updated_at is None:
        return Unusable(record_id, raw)
    account_id = number_of(record.get("account_id"))
    return RawRecord(record_id, updated_at, record.get("is_deleted") is True, raw, account_id=account_id)


def number_of(value: Any) -> int | None:
    """The integer that a value is, if it is one."""
    try:
        return _whole(value)
    except ValueError:
        return None  # no number is what the caller asks about


def _whole(value: Any) -> int:
    """The integer that a value is, as `rows` will take it: what they would not take may not be kept as read."""
    if type(value) is str and _DIGITS.fullmatch(value):
        return int(value)
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is no integer")
    return value


def one_line(raw: bytes) -> bytes:
    """JSON as one line: what layout it has is taken off."""
    import msgspec

    # JSON strings hold no bare line break, so a line break is always layout.
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

    # Some gateways send numbers as text.
    number = int | str
    return msgspec.json.Decoder(
        msgspec.defstruct(
            "Head",
            [("id", number), ("updated_at", number), ("is_deleted", Any, None), ("account_id", Any, None)],
        )
    )
