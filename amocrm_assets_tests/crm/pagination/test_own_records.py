"""Records of a list with types and owners: others are left out and told of, and each says its list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amocrm_assets.crm.pagination import ListState
from amocrm_assets.crm.pagination.own_records import own_records
from amocrm_assets.crm.pagination.pages import RawRecord
from amocrm_assets.crm.pagination.query import Query
from amocrm_assets.entities import CALLS, LEADS

OF_CONTACTS = CALLS.others[0]


def record(number: int, line: str) -> RawRecord:
    return RawRecord(number, 5, is_deleted=False, line=line.encode())


def own(*lines: str) -> tuple[list[dict[str, Any]], ListState]:
    state = ListState(OF_CONTACTS)
    found = own_records(state, [record(number, line) for number, line in enumerate(lines, 1)])
    return [json.loads(each.line) for each in found], state


def test_every_list_of_calls_names_their_types_and_says_what_they_hang_on() -> None:
    lists = CALLS.lists(with_deleted=True)
    assert [each.path for each in lists] == [
        "/api/v4/leads/notes",
        "/api/v4/contacts/notes",
        "/api/v4/companies/notes",
    ]
    assert [each.title for each in lists] == ["calls of leads", "calls of contacts", "calls of companies"]
    for each in lists:
        assert Query(each, "updated_at asc").params()["filter[note_type][]"] == ["call_in", "call_out"]
    assert not any("note_type" in name for name in Query(LEADS.live, "id asc").params())


def test_a_record_says_which_list_it_is_from_behind_what_amocrm_sent() -> None:
    line = '{"id":1,"note_type":"call_in","odd":1.50,"params":{"phone":"1"}}'
    state = ListState(OF_CONTACTS)
    (found,) = own_records(state, [record(1, line)])
    assert found.line == line[:-1].encode() + b',"entity_type":"contacts"}'
    assert found.key == ("contacts", 1)
    assert state.findings == ()


def test_the_list_is_right_where_a_record_says_otherwise() -> None:
    (found,), _ = own('{"id":1,"entity_type":2,"note_type":"call_in"}')
    assert found["entity_type"] == "contacts"


def test_notes_of_other_types_are_left_out_and_told_of() -> None:
    found, state = own(
        '{"id":1,"note_type":"call_out"}',
        '{"id":2,"note_type":"amomail_message","params":{"content_summary":"secret"}}',
        '{"id":3,"note_type":"common","x":"\\ud83d"}',
    )
    assert [each["id"] for each in found] == [1]
    (finding,) = state.findings
    assert (finding.kind, finding.may_miss) == ("types_ignored", False)
    assert "filter[note_type]" in finding.cause
    assert str(finding).startswith("List of calls of contacts: ")


@pytest.mark.parametrize("line", ['{"id":1}', '{"id":1,"note_type":null}', '{"id":1,"note_type":[]}'])
def test_a_note_that_says_no_type_may_be_a_call(line: str) -> None:
    found, state = own(line)
    assert [each["id"] for each in found] == [1]
    assert state.findings == ()


def test_leads_stay_as_they_were_sent() -> None:
    leads = [record(1, '{"id":1,"type":"other"}')]
    assert own_records(ListState(LEADS.live), leads) is leads
    assert leads[0].key == 1
    assert LEADS.deleted is not None
    assert own_records(ListState(LEADS.deleted), [*leads, leads[0]._replace(is_deleted=True)])[0].is_deleted
