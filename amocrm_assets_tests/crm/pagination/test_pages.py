"""A page gives each lead's bytes as they were sent, or is asked for again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.crm.http.responses import Response, RetryableError
from amocrm_assets.crm.pagination.pages import NOTHING, Page, Unusable, parse_page
from amocrm_assets.days import MAX_AT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def page(leads: str, *, links: str = "{}") -> Response:
    return Response(
        "/api/v4/leads", 200, f'{{"_page":1,"_links":{links},"_embedded":{{"leads":{leads}}}}}'.encode()
    )


def parsed_page(response: Response) -> Page:
    return parse_page(response, embedded="leads")


def test_a_list_of_other_records_lies_under_its_own_name() -> None:
    body = b'{"_links":{},"_embedded":{"leads":[],"companies":[{"id":1,"updated_at":5}]}}'
    response = Response("/api/v4/companies", 200, body)
    assert [each.id for each in parse_page(response, embedded="companies").records] == [1]
    odd = Response("/api/v4/companies", 200, body.replace(b"5}", b'5,"name":"\\ud83d"}'))
    assert [each.id for each in parse_page(odd, embedded="companies").records] == [1]
    with pytest.raises(RetryableError):
        parse_page(response, embedded="contacts")


def test_a_lead_keeps_its_bytes() -> None:
    lead = '{"id":1, "updated_at":5,"x":1.50,"big":123456789012345678901234567890,"huge":1e999}'

    parsed = parsed_page(page(f"[{lead}]"))

    assert parsed.records[0].line == lead.encode()
    assert parsed.records[0][:3] == (1, 5, False)


def test_line_breaks_between_tokens_are_taken_out_so_that_a_lead_is_one_line() -> None:
    for line_break in ("\r\n", "\n", "\r"):
        parsed = parsed_page(page(f'[{{"id":1,{line_break} "updated_at":5,{line_break} "name":"a\\nb"}}]'))

        assert not {*b"\r\n"} & {*parsed.records[0].line}
        assert json.loads(parsed.records[0].line) == {"id": 1, "updated_at": 5, "name": "a\nb"}


def test_the_key_of_a_record_of_one_of_several_lists_tells_the_list() -> None:
    (record,) = parsed_page(page('[{"id":1,"updated_at":5}]')).records
    assert record.key == 1
    assert record._replace(owners="contacts").key == ("contacts", 1)


def test_half_an_emoji_does_not_stop_a_page() -> None:
    parsed = parsed_page(page('[{"id":1,"updated_at":5,"name":"\\ud83d"},{"id":2,"updated_at":6}]'))

    assert [lead.id for lead in parsed.records] == [1, 2]
    assert json.loads(parsed.records[0].line)["name"] == "\ud83d"


def test_numbers_sent_as_text_are_understood() -> None:
    parsed = parsed_page(page('[{"id":"17","updated_at":"5","is_deleted":true}]'))

    assert parsed.records[0][:3] == (17, 5, True)


def test_the_end_is_known_by_the_missing_next_link() -> None:
    lead = '[{"id":1,"updated_at":5}]'

    assert parsed_page(page(lead, links='{"next":{"href":"https://elsewhere/"}}')).has_next
    for links in ("{}", '{"next":null}', '{"next":false}', '{"next":""}'):
        assert not parsed_page(page(lead, links=links)).has_next


def test_204_is_an_empty_page() -> None:
    assert parsed_page(Response("/api/v4/leads", 204)) == NOTHING == Page((), has_next=False)


ODD = ',"name":"\\ud83d"'  # what only the standard library decodes


@pytest.mark.parametrize("more", ["", ODD])
def test_an_odd_record_is_what_a_normal_one_is(more: str) -> None:
    def one(properties: str) -> Page:
        return parsed_page(page(f"[{{{properties}{more}}}]"))

    assert [one(f'"id":1,"updated_at":{MAX_AT + late}').size for late in (0, 1)] == [1, 1]
    assert [len(one(f'"id":1,"updated_at":{MAX_AT + late}').unusable) for late in (0, 1)] == [0, 1]
    for told, is_deleted in (("true", True), ("false", False), ("null", False), ("1", False)):
        (record,) = one(f'"id":1,"updated_at":5,"is_deleted":{told}').records
        assert record.is_deleted is is_deleted
    for no_number in ("1.5", "true", "[]", '"x"'):
        assert [each.id for each in one(f'"id":{no_number},"updated_at":5').unusable] == [None]
        assert [each.id for each in one(f'"id":1,"updated_at":{no_number}').unusable] == [1]


@pytest.mark.parametrize("more", ["", ODD])
def test_records_that_are_in_no_list_are_none(more: str) -> None:
    body = f'{{"_links":{{}},"_embedded":{{"leads":{{}}{more}}}}}'
    with pytest.raises(RetryableError, match="no list of records"):
        parsed_page(Response("/api/v4/leads", 200, body.encode()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b'{"_embedded":{"leads":[{"id":1,"upda',
        b'{"_embedded":{"leads":{}}}',
        b'{"_embedded":[]}',
        b"[]",
        b'{"_links":{},"_embedded":{"leads":[7]}}',
        # Without links nothing says whether there is a next page.
        b'{"_embedded":{"leads":[{"id":1,"updated_at":5}]}}',
        b'{"_links":null,"_embedded":{"leads":[{"id":1,"updated_at":5}]}}',
        b'{"_links":[],"_embedded":{"leads":[{"id":1,"updated_at":5}]}}',
        b'{"_links":{},"_embedded":{"leads":[{"id":7,"updated_at":5,"x":NaN}]}}',
        b'{"_links":{},"_embedded":{"leads":[{"id":7,"updated_at":5,"x":"\\ud83d","y":1e999}]}}',
    ],
)
def test_a_broken_page_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(RetryableError):
        parsed_page(Response("/api/v4/leads", 200, body))


@pytest.mark.parametrize(
    ("lead", "lead_id"),
    [
        ('{"updated_at":5}', None),
        ('{"id":null,"updated_at":5}', None),
        ('{"id":1}', 1),
        ('{"id":1,"updated_at":null}', 1),
        ('{"id":1,"updated_at":1741640399000}', 1),  # milliseconds: no day would ever have it
        ('{"id":1.0,"updated_at":1741640399000}', 1),
    ],
)
def test_a_lead_without_id_or_time_is_told_apart_from_those_that_can_be_placed(
    lead: str, lead_id: int | None
) -> None:
    parsed = parsed_page(page(f'[{{"id":7,"updated_at":5}},{lead}]'))

    assert [each.id for each in parsed.records] == [7]
    assert parsed.unusable == (Unusable(lead_id, lead.encode()),)
    assert parsed.size == 2


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=5), max_size=4), st.booleans())
def test_any_lead_comes_back_as_it_was_sent(leads: list[dict[str, object]], escaped: bool) -> None:  # noqa: FBT001
    numbered = [lead | {"id": number, "updated_at": 7} for number, lead in enumerate(leads, 1)]

    parsed = parsed_page(page(json.dumps(numbered, ensure_ascii=escaped)))

    assert [json.loads(lead.line) for lead in parsed.records] == numbered
    assert [lead.id for lead in parsed.records] == list(range(1, len(leads) + 1))


@given(JSON)
def test_any_other_json_is_a_page_or_asked_for_again(body: object) -> None:
    try:
        parsed_page(Response("/api/v4/leads", 200, json.dumps(body).encode()))
    except RetryableError:
        return
    assert isinstance(body, dict)
