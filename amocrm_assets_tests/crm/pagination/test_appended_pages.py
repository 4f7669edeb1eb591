"""A page of events: what has an id and a time is a record, and the rest is told apart."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from amocrm_assets.crm.http.responses import Response, RetryableError
from amocrm_assets.crm.pagination.appended_pages import AppendedPage, AppendedQuery, parse_appended
from amocrm_assets.crm.pagination.failed_pages import PageFailures, page_refused
from amocrm_assets.crm.pagination.pages import Unusable
from amocrm_assets.days import MAX_AT
from amocrm_assets.entities import EVENTS
from amocrm_assets.errors import UnexpectedAnswer

QUERY = AppendedQuery(EVENTS.live, 1, 2, 1, 100)


@pytest.mark.parametrize(
    ("event", "event_id"),
    [
        ({"created_at": 5}, None),
        ({"id": "", "created_at": 5}, ""),
        ({"id": "e2"}, "e2"),
        ({"id": "e2", "created_at": None}, "e2"),
        ({"id": "e2", "created_at": MAX_AT + 1}, "e2"),
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


def parsed_page(events: str) -> AppendedPage:
    body = f'{{"_links":{{}},"_embedded":{{"events":{events}}}}}'
    return parse_appended(QUERY, Response("/api/v4/events", 200, body.encode()))


def test_the_last_second_that_a_day_may_have_is_a_time() -> None:
    (event,) = parsed_page(f'[{{"id":"e1","created_at":{MAX_AT}}}]').records
    assert event.at == MAX_AT


def test_204_is_an_empty_page_without_a_next_one() -> None:
    assert parse_appended(QUERY, Response("/api/v4/events", 204)) == AppendedPage((), has_next=False)


@pytest.mark.parametrize(
    "events", ["[7]", '["e1"]', "[null]", "[[]]", '[{"id":"e1","created_at":7,"type":"\\ud83d"},7]']
)
def test_a_page_whose_events_are_no_objects_is_requested_again(events: str) -> None:
    with pytest.raises(RetryableError, match="no objects"):
        parsed_page(events)


def test_a_page_whose_text_is_cut_within_a_letter_is_requested_again() -> None:
    body = b'{"_links":{},"_embedded":{"events":[{"id":"e1","created_at":7,"type":"\xd0"}]}}'
    with pytest.raises(RetryableError):
        parse_appended(QUERY, Response("/api/v4/events", 200, body))


def test_types_are_requested_by_name_and_a_list_without_types_by_its_seconds_only() -> None:
    whole = replace(EVENTS.live, types=())
    named = replace(EVENTS.live, types=("a", "b"))
    seconds = {"limit": 100, "page": 1, "filter[created_at][from]": 1, "filter[created_at][to]": 2}
    assert replace(QUERY, record_list=whole).params() == seconds
    assert replace(QUERY, record_list=named).params() == seconds | {"filter[type]": "a,b"}


def test_a_query_that_is_sent_again_is_the_same_query() -> None:
    """By this an empty page is recognised as the second one of its query."""
    one, other = replace(QUERY, number=1), replace(QUERY, number=2)
    assert one == other
    assert one.params() == other.params()


def test_an_empty_page_of_events_is_used_at_once() -> None:
    query: Any = QUERY
    page: Any = parse_appended(QUERY, Response("/api/v4/events", 204))
    PageFailures(query).check_filled(page)


def test_a_refused_page_of_events_is_an_error_since_no_details_can_be_left_out() -> None:
    query: Any = QUERY
    assert "with" not in query.params()
    error = UnexpectedAnswer("Reading events", cause="400.", fix="Report it.", status=400)
    with pytest.raises(UnexpectedAnswer) as caught:
        page_refused(query, error)
    assert caught.value is error
