"""Everything about amoCRM that nobody documents, as switches of the stand-in. Data only.

The defaults are what most public clients believe. Each switch is one behaviour that was seen somewhere, or that no
page of amoCRM's documentation excludes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

Limit = Literal["none", "sliding second", "fixed second", "bucket"]


@dataclass(frozen=True, kw_only=True)
class Semantics:
    """How one account behaves."""

    # Windows of `filter[updated_at]`.
    from_exclusive: bool = False
    to_exclusive: bool = False
    leads_filter: bool = True
    trash_filters: bool = True

    # `with=only_deleted`. Ignored: live leads come. Odd once: so does the first answer. Empty: nothing ever comes.
    # A number: that status.
    only_deleted: Literal["known", "ignored", "odd once", "empty", "400", "403"] = "known"

    # Order. Within pages: each page is sorted, the list is not.
    order: Literal["honoured", "ignored", "within pages"] = "honoured"
    trash_order: Literal["honoured", "ignored", "within pages"] = "honoured"
    id_order_beside_filter: bool = True
    ties: Literal["id asc", "id desc", "shuffled"] = "id asc"

    # `_links` of lists of leads. On which answers (counted from 1) they are odd; none named means on all.
    links: Literal["right", "missing", "null", "list", "without next", "next always"] = "right"
    odd_links_on: tuple[int, ...] = ()
    # Pages behind this one are not given.
    depth_max: int | None = None
    beyond_depth: Literal["204", "400", "no next"] = "204"
    # What a page behind the end of a list is.
    past_end: Literal["204", "empty list", "404"] = "204"

    # Sizes of pages. A `limit` above the maximum falls back to 50, or to the maximum.
    limit_max: int = 250
    above_limit_max: Literal["50", "maximum", "400"] = "50"
    gateway_timeout_above: int | None = None
    # Live leads asked for with contacts and the like.
    details: Literal["given", "504", "400"] = "given"
    fields_limit_max: int = 250
    events_limit_max: int = 100

    # The list of events. On which of its answers (counted from 1) it fails, or is empty.
    events_order: Literal["newest", "oldest", "by id", "shuffled"] = "newest"
    events_links: Literal["right", "without next", "next always"] = "right"
    events_filter: bool = True
    events_types_filter: bool = True
    # Types that come only where they are named.
    events_unnamed_omits: tuple[str, ...] = ()
    events_fail_on: tuple[int, ...] = ()
    events_empty_on: tuple[int, ...] = ()
    # Half of a page without a next one; and the number of events that any interval shows, without a next page.
    events_halved_on: tuple[int, ...] = ()
    events_end_after: int | None = None

    # On which pages of any list (counted from 1, of all lists) there is no record, and in which shape.
    lists_empty_on: tuple[int, ...] = ()
    lists_empty_as: Literal["204", "empty list"] = "204"

    # What `order[updated_at]` of tasks does, which nobody documents.
    tasks_order: Literal["ignored", "honoured", "400"] = "ignored"

    # Whether notes are chosen by `filter[note_type]`.
    notes_types_filter: bool = True

    # Records.
    null_updated_at_in_trash: int = 0
    null_updated_at_in_leads: int = 0
    huge_ids: int = 0
    numbers_as_text: bool = False
    unknown_with: tuple[str, ...] = ()
    incoming_listed: bool = True

    # The network. Date None: no header; a number: so many seconds off.
    date_offset_seconds: float | None = 0.0
    latency_seconds: float = 0.0
    # Each request arrives, and counts, by up to so much later than it was sent.
    jitter_seconds: float = 0.0

    # The limit. A bucket takes so many at once; None: as many as in a second.
    limit: Limit = "none"
    bucket_burst: int | None = None
    requests_per_second: int = 7
    retry_after: str | None = None


def parse_switch(text: str) -> dict[str, Any]:
    """`name=value` as a command line gives it; a bare name is true. Raises `ValueError` for what is none."""
    name, _, value = text.partition("=")
    name = name.replace("-", "_")
    if name not in {each.name for each in fields(Semantics)}:
        raise ValueError(f"unknown switch {name!r}; known: {', '.join(each.name for each in fields(Semantics))}")
    return {name: _parsed(get_type_hints(Semantics)[name], value, name)}


def _parsed(kind: Any, value: str, name: str) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{name} is one of {', '.join(map(repr, get_args(kind)))}, not {value!r}")
        return value
    if kind is bool:
        return value.lower() not in {"no", "false", "0"}
    if get_origin(kind) is tuple:
        number = get_args(kind)[0] is int
        return tuple(int(part) if number else part for part in value.split(",") if part)
    if type(None) in get_args(kind) and value.lower() in {"", "none"}:
        return None
    return next(each for each in get_args(kind) or (kind,) if each is not type(None))(value)
