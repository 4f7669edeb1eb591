"""What a lead list is asked for: page, order, filters, extras. Parsing only; who answers is the account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.sandbox.options import SandboxOptions

FOREVER = 1 << 40  # after every second that can be asked for
_NAME = re.compile(r"(filter|order)\[(\w+)\](?:\[(\w*)\])?(?:\[(\w*)\])?")
_ORDERS = ("created_at", "updated_at", "id")
_TIMES = ("created_at", "updated_at", "closed_at", "closest_task_at", "price")


@dataclass(frozen=True)
class Interval:
    """A closed interval of whole numbers."""

    since: int = 0
    until: int = FOREVER

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.since <= value <= self.until


@dataclass(frozen=True, kw_only=True)
class LeadQuery:
    """A lead list as it is asked for, after the account's switches."""

    page: int = 1
    limit: int = 50
    extras: frozenset[str] = frozenset()
    order: str = "id"
    descending: bool = False
    updated: Interval = Interval()
    intervals: tuple[tuple[str, Interval], ...] = ()
    choices: tuple[tuple[str, frozenset[str]], ...] = ()
    statuses: frozenset[tuple[str, str]] = frozenset()


def page_and_limit(params: Iterable[tuple[str, str]], options: SandboxOptions) -> tuple[int, int]:
    """Page from 1 on, and how many per page. A limit out of bounds is no error: it becomes the default."""
    given = dict(params)
    limit = _number(given.get("limit"), options.page_limit_default)
    if not 1 <= limit <= options.page_limit_max:
        limit = min(options.page_limit_default, options.page_limit_max)
    return max(_number(given.get("page"), 1), 1), limit


def lead_query(params: list[tuple[str, str]], options: SandboxOptions) -> LeadQuery:
    """Understand what amoCRM would understand; anything else is ignored, as amoCRM ignores it."""
    page, limit = page_and_limit(params, options)
    order, descending = "id", False
    filters: dict[tuple[str, str | None, str | None], list[str]] = {}
    for name, value in params:
        match = _NAME.fullmatch(name)
        if match and match[1] == "order" and match[2] in _ORDERS:
            order, descending = match[2], value == "desc"
        elif match and match[1] == "filter" and options.filters_enabled:
            filters.setdefault((match[2], match[3], match[4]), []).append(value)
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
    )


_Filters = dict[tuple[str, str | None, str | None], list[str]]


def _interval(name: str, filters: _Filters, *, half_open: bool) -> Interval:
    """`[from]`, `[to]`, both, or a bare value, which amoCRM takes for that very second."""
    if exact := filters.get((name, None, None)):
        return Interval(_number(exact[-1], -1), _number(exact[-1], -1))
    since = filters.get((name, "from", None), ["0"])[-1]
    until = filters.get((name, "to", None))
    if until is None:
        return Interval(_number(since, 0))
    return Interval(_number(since, 0), _number(until[-1], FOREVER) - half_open)


def _choices(filters: _Filters) -> tuple[tuple[str, frozenset[str]], ...]:
    """`filter[pipeline_id]=1` and `filter[pipeline_id][]=1` alike, numbered brackets too."""
    names = ("id", "name", "pipeline_id", "created_by", "updated_by", "responsible_user_id")
    found = {
        name: frozenset(value for (each, _, _), values in filters.items() if each == name for value in values)
        for name in names
    }
    return tuple((name, values) for name, values in found.items() if values)


def _statuses(filters: _Filters) -> frozenset[tuple[str, str]]:
    """Pipeline and status, always a pair; half a pair is ignored."""
    pipelines = {place: values[-1] for (name, place, part), values in filters.items()
                 if name == "statuses" and part == "pipeline_id"}  # fmt: skip
    return frozenset(
        (pipelines[place], values[-1])
        for (name, place, part), values in filters.items()
        if name == "statuses" and part == "status_id" and place in pipelines
    )


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"-?\d{1,18}", text) else otherwise
