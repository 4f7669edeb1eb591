"""The parameters of a list of leads: page, order, filters, extras. For the response see `account`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amocrm_assets.sandbox.options import SandboxOptions

FOREVER = 1 << 40  # after every second that a request can name
_FILTER = re.compile(r"filter\[(\w+)\](?:\[(\w*(?:\]\[\w*)?)\])?")
_ORDER = re.compile(r"order\[(\w+)\]")
_ORDERS = ("created_at", "updated_at", "id")
_CHOICES = ("id", "name", "pipeline_id", "created_by", "updated_by", "responsible_user_id")
_TIMES = ("created_at", "updated_at", "closed_at", "closest_task_at", "price")

Filters = dict[tuple[str, str | None], list[str]]


@dataclass(frozen=True)
class Interval:
    """A closed interval of whole numbers."""

    since: int = 0
    until: int = FOREVER

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.since <= value <= self.until


@dataclass(frozen=True)
class CustomFieldFilter:
    """A filter by custom fields, by the field's id: accepted values, or an interval of numbers."""

    choices: Mapping[int, frozenset[str]]
    intervals: Mapping[int, Interval]

    def __bool__(self) -> bool:
        return bool(self.choices or self.intervals)

    def admits(self, record: dict[str, Any]) -> bool:
        """Whether each of these fields has an accepted value, or one with an accepted `enum_id`."""
        given = {each["field_id"]: each["values"] for each in record["custom_fields_values"] or ()}
        return all(
            any({str(value.get("value")), str(value.get("enum_id"))} & wanted for value in given.get(field_id, ()))
            for field_id, wanted in self.choices.items()
        ) and all(
            any(value.get("value") in wanted for value in given.get(field_id, ()))
            for field_id, wanted in self.intervals.items()
        )


@dataclass(frozen=True, kw_only=True)
class LeadQuery:
    """The query of a list of leads, with the account's options applied."""

    page: int = 1
    limit: int = 50
    extras: frozenset[str] = frozenset()
    order: str = "id"
    descending: bool = False
    updated: Interval = Interval()
    intervals: tuple[tuple[str, Interval], ...] = ()
    choices: dict[str, frozenset[str]] = field(default_factory=dict)
    statuses: frozenset[tuple[str, str]] = frozenset()
    words: str = ""
    custom_fields: CustomFieldFilter = field(default_factory=lambda: CustomFieldFilter({}, {}))

    @property
    def needs_content(self) -> bool:
        """Whether the filters need more of a lead than its version."""
        return bool(self.intervals or self.choices or self.statuses or self.words or self.custom_fields)

    def admits(self, lead: dict[str, Any], hidden: frozenset[int]) -> bool:
        """Whether a lead passes the filters; leads in a `hidden` stage only with a filter by stages."""
        if self.statuses:
            if (str(lead["pipeline_id"]), str(lead["status_id"])) not in self.statuses:
                return False
        elif hidden and lead["status_id"] in hidden:
            return False
        if self.words and not any(self.words in text.casefold() for text in _texts(lead)):
            return False
        return (
            all(lead[name] in interval for name, interval in self.intervals)
            and all(str(lead[name]) in values for name, values in self.choices.items())
            and self.custom_fields.admits(lead)
        )


def page_and_limit(
    params: Iterable[tuple[str, str]], options: SandboxOptions, *, maximum: int | None = None
) -> tuple[int, int]:
    """Page from 1 on, and how many per page. A limit out of bounds is no error: it becomes the default."""
    given = dict(params)
    maximum = min(maximum or options.page_limit_max, options.page_limit_max)
    default = min(options.page_limit_default, maximum)
    limit = _number(given.get("limit"), default)
    if not 1 <= limit <= maximum:
        limit = default
    return max(_number(given.get("page"), 1), 1), limit


def lead_query(params: list[tuple[str, str]], options: SandboxOptions) -> LeadQuery:
    """Parse the parameters that amoCRM supports; others are ignored, as by amoCRM."""
    page, limit = page_and_limit(params, options)
    filters = read_filters(params) if options.filters_enabled else {}
    order, descending = _order(params)
    intervals = {name: _interval(name, filters, half_open=options.half_open) for name in _TIMES}
    return LeadQuery(
        page=page,
        limit=limit,
        extras=frozenset(dict(params).get("with", "").split(",")),
        order=order,
        descending=descending,
        updated=intervals.pop("updated_at"),
        intervals=tuple((name, each) for name, each in intervals.items() if each != Interval()),
        choices=_choices(filters),
        statuses=_statuses(filters),
        words=dict(params).get("query", "").strip().casefold(),
        custom_fields=_custom_fields(filters),
    )


def read_filters(params: Iterable[tuple[str, str]]) -> Filters:
    """Values of `filter[name]` by (name, None), of `filter[name][part]` by (name, part)."""
    filters: Filters = {}
    for name, value in params:
        if match := _FILTER.fullmatch(name):
            filters.setdefault((match[1], match[2]), []).append(value)
    return filters


def _order(params: Iterable[tuple[str, str]]) -> tuple[str, bool]:
    """The property to sort by, and whether it is descending."""
    for name, value in params:
        match = _ORDER.fullmatch(name)
        if match and match[1] in _ORDERS:
            return match[1], value == "desc"
    return "id", False


def _interval(name: str, filters: Filters, *, half_open: bool) -> Interval:
    """`[from]`, `[to]`, both, or a bare value, which selects that second only."""
    if exact := filters.get((name, None)):
        return Interval(_number(exact[-1], -1), _number(exact[-1], -1))
    since = filters.get((name, "from"), [""])[-1]
    until = filters.get((name, "to"))
    if until is None:
        return Interval(_number(since, 0))
    return Interval(_number(since, 0), _number(until[-1], FOREVER) - half_open)


def _choices(filters: Filters) -> dict[str, frozenset[str]]:
    """`filter[pipeline_id]=1` and `filter[pipeline_id][]=1` alike, numbered brackets too."""
    found: dict[str, frozenset[str]] = {}
    for (name, _), values in filters.items():
        if name in _CHOICES:
            found[name] = found.get(name, frozenset()) | frozenset(values)
    return found


def _statuses(filters: Filters) -> frozenset[tuple[str, str]]:
    """`filter[statuses][0][pipeline_id]` with `[0][status_id]`: always a pair, half a pair is ignored."""
    parts = {part: values[-1] for (name, part), values in filters.items() if name == "statuses" and part}
    return frozenset(
        (parts[place], status)
        for part, status in parts.items()
        if part.endswith("][status_id") and (place := part.replace("status_id", "pipeline_id")) in parts
    )


def _custom_fields(filters: Filters) -> CustomFieldFilter:
    """`filter[custom_fields_values][1][]=a`, numbered brackets too, and `[1][from]`, `[1][to]`."""
    parts: dict[int, Filters] = {}
    for (name, part), values in filters.items():
        field_id, _, place = (part or "").partition("][")
        if name == "custom_fields_values" and field_id.isdecimal():
            parts.setdefault(int(field_id), {})["value", place] = values
    bounds = {each: found for each, found in parts.items() if {("value", "from"), ("value", "to")} & found.keys()}
    return CustomFieldFilter(
        {each: frozenset(chain(*found.values())) for each, found in parts.items() if each not in bounds},
        {each: _interval("value", found, half_open=False) for each, found in bounds.items()},
    )


def _texts(lead: dict[str, Any]) -> list[str]:
    """The texts that `query` searches: the name and the values of custom fields."""
    values = [value for each in lead["custom_fields_values"] or () for value in each["values"]]
    return [str(lead["name"]), *(str(value.get("value")) for value in values)]


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"-?\d{1,18}", text) else otherwise
