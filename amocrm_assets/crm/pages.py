"""One page of a list of leads: the leads' bytes as they were sent, and whether a next page exists.

Of a lead only what reading needs is looked at here (`id`, `updated_at`, `is_deleted`); the rest stays bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.crm.responses import RetryableError

if TYPE_CHECKING:
    from amocrm_assets.crm.responses import Response


class RawRecord(NamedTuple):
    """A lead as one line of JSON, with what reading must know of it."""

    id: int
    updated_at: int
    is_deleted: bool
    line: bytes


@dataclass(frozen=True)
class Page:
    """Leads in the order of the answer. `has_next` is amoCRM's own word, from `_links.next`."""

    leads: tuple[RawRecord, ...]
    has_next: bool


_DIGITS = re.compile(r"-?[0-9]{1,19}")
NOTHING = Page((), has_next=False)


def parse_page(answer: Response) -> Page:
    """The page in an answer to `/api/v4/leads`; 204 is an empty one.

    Raises `RetryableError` for a body that is cut off, is no JSON, or holds leads without id or `updated_at`: such
    a page proves nothing, and another try is likely to bring a whole one.
    """
    if answer.status == 204:  # noqa: PLR2004
        return NOTHING
    raws, more = _slices(answer)
    if more and not raws:
        raise RetryableError("a page without leads that has a next page", status=answer.status)
    return Page(tuple(_lead(raw, answer) for raw in raws), more)


def has_next(links: Any) -> bool:
    """Whether a list's `_links` name a next page."""
    return isinstance(links, dict) and links.get("next") not in (None, False, "")


def _slices(answer: Response) -> tuple[list[bytes], bool]:
    import msgspec

    try:
        page = _page_decoder().decode(answer.body)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return _slices_of_odd_json(answer)
    return [_one_line(bytes(raw)) for raw in page.embedded.leads], has_next(page.links)


def _slices_of_odd_json(answer: Response) -> tuple[list[bytes], bool]:
    # msgspec refuses lone surrogates (half an emoji that somebody cut), which the standard library reads. Their
    # leads are written again instead of sliced: the same JSON values, in the same order.
    body = answer.json()
    try:
        leads, links = body["_embedded"]["leads"], body.get("_links")
    except (KeyError, TypeError, AttributeError) as error:
        raise RetryableError("a page that holds no list of leads", status=answer.status) from error
    if not isinstance(leads, list):
        raise RetryableError("a page that holds no list of leads", status=answer.status)
    try:
        # Numbers that only Python knows (NaN, 1e999) would be lines that nothing reads again.
        lines = [json.dumps(lead, separators=(",", ":"), allow_nan=False).encode() for lead in leads]
    except ValueError as error:
        raise RetryableError("a page with numbers that are no JSON", status=answer.status) from error
    return lines, has_next(links)


def _lead(raw: bytes, answer: Response) -> RawRecord:
    import msgspec

    try:
        head = _head_decoder().decode(raw)
        return RawRecord(_whole(head.id), _whole(head.updated_at), head.is_deleted is True, raw)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError):
        return _lead_of_odd_json(raw, answer)


def _lead_of_odd_json(raw: bytes, answer: Response) -> RawRecord:
    try:
        lead: dict[str, Any] = json.loads(raw)
        return RawRecord(_whole(lead["id"]), _whole(lead["updated_at"]), lead.get("is_deleted") is True, raw)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RetryableError("a lead without a usable id or updated_at", status=answer.status) from error


def _whole(value: Any) -> int:
    """The integer that a value is, as `rows` will take it: what they would not take may not be kept as read."""
    if type(value) is str and _DIGITS.fullmatch(value):
        return int(value)
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is no integer")
    return value


def _one_line(raw: bytes) -> bytes:
    import msgspec

    # JSON strings hold no bare line break, so a line break is always layout.
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw or b"\r" in raw else raw


@cache
def _page_decoder() -> Any:
    import msgspec

    embedded = msgspec.defstruct("Embedded", [("leads", list[msgspec.Raw])])
    page = msgspec.defstruct(
        "RawPage",
        [("embedded", embedded), ("links", Any, None)],
        rename={"embedded": "_embedded", "links": "_links"},
    )
    return msgspec.json.Decoder(page)


@cache
def _head_decoder() -> Any:
    import msgspec

    # Some gateways send numbers as text.
    number = int | str
    return msgspec.json.Decoder(
        msgspec.defstruct("Head", [("id", number), ("updated_at", number), ("is_deleted", Any, None)])
    )
