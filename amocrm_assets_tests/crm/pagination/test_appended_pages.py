"""A page of events: what has an id and a time is a record, and the rest is told apart."""

from __future__ import annotations

import json

import pytest

from amocrm_assets.crm.http.responses import Response
from amocrm_assets.crm.pagination.appended_pages import AppendedQuery, parse_appended
from amocrm_assets.crm.pagination.pages import Unusable
from amocrm_assets.entities import EVENTS

QUERY = AppendedQuery(EVENTS.live, 1, 2, 1, 100)


@pytest.mark.parametrize(
    ("event", "event_id"),
    [
        ({"created_at": 5}, None),
        ({"id": "", "created_at": 5}, ""),
        ({"id": "e2"}, "e2"),
        ({"id": "e2", "created_at": None}, "e2"),
        ({"id": "e2", "created_at": 1741640399000}, "e2"),  # milliseconds: no day would ever have it
    ],
)
def test_an_event_without_id_or_time_is_told_apart(event: dict[str, object], event_id: str | None) -> None:
    whole = {"id": "e1", "created_at": "7", "type": "lead_added"}
    body = json.dumps({"_links": {}, "_embedded": {"events": [whole, event]}}, separators=(",", ":"))
    page = parse_appended(QUERY, Response("/api/v4/events", 200, body.encode()))
    assert [(each.id, each.at, each.type) for each in page.records] == [("e1", 7, "lead_added")]
    assert page.unusable == (Unusable(event_id, json.dumps(event, separators=(",", ":")).encode()),)
    assert page.size == 2
