"""What happened to leads, as `/api/v4/events` tells it: leads added, deleted and restored.

The other kinds of events are not kept; nothing here needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.sandbox.account.query import page_and_limit, read_filters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amocrm_assets.sandbox.options import SandboxOptions

LIMIT_MAX = 100  # on amocrm.ru; more becomes 50
_DAY = 86_400


class LeadEvent(NamedTuple):
    """One thing that happened to one lead."""

    at: int
    lead_id: int
    kind: str


def chosen_events(
    events: Sequence[LeadEvent], params: list[tuple[str, str]], options: SandboxOptions
) -> tuple[list[LeadEvent], bool, int]:
    """One page of the events asked for, newest first; whether there are more; the page's number."""
    page, limit = page_and_limit(params, options, maximum=LIMIT_MAX)
    filters = read_filters(params)
    kinds = {
        kind
        for name in (("type", None), ("type", ""))
        for text in filters.get(name, ())
        for kind in text.split(",")
    }
    leads = {text for name in (("entity_id", None), ("entity_id", "")) for text in filters.get(name, ())}
    since = int((filters.get(("created_at", "from")) or filters.get(("created_at", None)) or ["0"])[-1])
    until = int(filters.get(("created_at", "to"), ["99999999999"])[-1])
    found = [
        each
        for each in reversed(events)
        if since <= each.at <= until
        and (not kinds or each.kind in kinds)
        and (not leads or str(each.lead_id) in leads)
    ]
    return found[(page - 1) * limit : page * limit], len(found) > page * limit, page


def shown_events(events: Iterable[LeadEvent], account_id: int) -> list[dict[str, Any]]:
    """Events as amoCRM shows them; ids are strings that sort by time."""
    return [
        {
            "id": f"{each.at:010d}{each.lead_id:016d}",
            "type": each.kind,
            "entity_id": each.lead_id,
            "entity_type": "lead",
            "created_by": 0,
            "created_at": each.at,
            "value_after": [],
            "value_before": [],
            "account_id": account_id,
            "_embedded": {"entity": {"id": each.lead_id}},
        }
        for each in events
    ]
