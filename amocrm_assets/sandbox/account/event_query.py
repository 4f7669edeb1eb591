"""The query of a list of events, with the documented filters, and its page.

Unlike lists of leads, the list of events has no `order` parameter, and its filters are not a paid option.
https://www.amocrm.ru/developers/content/crm_platform/events-and-notes
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.query import FOREVER, Interval, page_and_limit, read_filters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox.account.event_feed import EventFeed
    from amocrm_assets.sandbox.account.events import AccountEvent, Values
    from amocrm_assets.sandbox.account.query import Filters
    from amocrm_assets.sandbox.options import SandboxOptions

LIMIT_MAX = 100  # on amocrm.ru; more becomes 50
_MAX_IDS, _MAX_FEW = 100, 10


class WrongFilter(Exception):
    """A filter that amoCRM refuses, with the reason."""


@dataclass(frozen=True)
class EventPage:
    """Some events, the page's number, and whether more follow."""

    events: list[AccountEvent]
    number: int
    has_next: bool


@dataclass(frozen=True)
class _Wanted:
    created: Interval
    choices: dict[str, frozenset[str]]
    stages: dict[str, frozenset[tuple[int, int]]]

    def admits(self, event: AccountEvent) -> bool:
        shown: dict[str, Any] = {
            "id": event.id, "type": event.kind, "entity": event.entity_type,
            "entity_id": str(event.entity_id), "created_by": str(event.created_by),
        }  # fmt: skip
        if not all(shown[name] in values for name, values in self.choices.items()):
            return False
        return all(
            _stages_in(event.before if name == "value_before" else event.after) & wanted
            for name, wanted in self.stages.items()
        )


def event_page(feed: EventFeed, params: list[tuple[str, str]], options: SandboxOptions) -> EventPage:
    """The requested page. Raises `WrongFilter`."""
    number, limit = page_and_limit(params, options, maximum=LIMIT_MAX)
    wanted = _wanted(read_filters(params))
    found = feed.between(
        wanted.created.since,
        wanted.created.until,
        kinds=wanted.choices.get("type", frozenset()),
        newest_first=options.events_order != "oldest",
    )
    found = _in_order(filter(wanted.admits, found), options)
    begin = (number - 1) * limit
    chosen = list(islice(found, begin, begin + limit + 1))
    return EventPage(chosen[:limit], number, len(chosen) > limit)


def _in_order(events: Iterator[AccountEvent], options: SandboxOptions) -> Iterator[AccountEvent]:
    if options.events_order != "shuffled":
        return events
    every = list(events)
    Random().shuffle(every)  # noqa: S311  # an order, no secret
    return iter(every)


def _wanted(filters: Filters) -> _Wanted:
    choices = {
        name: found
        for name in ("id", "type", "entity", "entity_id", "created_by")
        if (found := _listed(filters, name))
    }
    if len(choices.get("id", ())) > _MAX_IDS:
        raise WrongFilter(f"filter[id] has more than {_MAX_IDS} values")
    for name in ("created_by", "entity_id"):
        if len(choices.get(name, ())) > _MAX_FEW:
            raise WrongFilter(f"filter[{name}] has more than {_MAX_FEW} values")
    if "entity_id" in choices and len(choices.get("entity", ())) != 1:
        raise WrongFilter("filter[entity_id] needs exactly one filter[entity]")
    stages = {name: pairs for name in ("value_before", "value_after") if (pairs := _stages(filters, name))}
    return _Wanted(_created(filters), choices, stages)


def _listed(filters: Filters, name: str) -> frozenset[str]:
    """`filter[type]=a,b`, `filter[type][]=a` and numbered brackets alike."""
    given = (text for (each, _), texts in filters.items() if each == name for text in texts)
    return frozenset(part for text in given for part in text.split(",") if part)


def _created(filters: Filters) -> Interval:
    """One number is the start; two are start and end, both inclusive."""
    bare = [int(part) for part in ",".join(filters.get(("created_at", None), ())).split(",") if part.isdecimal()]
    since, until = (filters.get(("created_at", end), [""])[-1] for end in ("from", "to"))
    return Interval(
        int(since) if since.isdecimal() else bare[0] if bare else 0,
        int(until) if until.isdecimal() else bare[1] if len(bare) > 1 else FOREVER,
    )


def _stages(filters: Filters, name: str) -> frozenset[tuple[int, int]]:
    """`filter[value_after][leads_statuses][0][pipeline_id]` with `[0][status_id]`."""
    parts = {part: values[-1] for (each, part), values in filters.items() if each == name and part}
    return frozenset(
        (int(parts[place]), int(status))
        for part, status in parts.items()
        if part.endswith("][status_id") and (place := part.replace("status_id", "pipeline_id")) in parts
    )


def _stages_in(values: Values) -> set[tuple[int, int]]:
    stages = (each["lead_status"] for each in values if "lead_status" in each)
    return {(stage["pipeline_id"], stage["id"]) for stage in stages}
