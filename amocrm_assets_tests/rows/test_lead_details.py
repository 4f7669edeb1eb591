"""The second table of leads: what hangs on them, for exactly the rows of the first one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amocrm_assets.captures import OpenCapture
from amocrm_assets.entities import LEADS
from amocrm_assets.entities.lead_details import LEAD_DETAILS
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.shard import arrow_schema
from amocrm_assets_tests.rows.any_json import JSON
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, Line, capture_header, lead, line, source, stub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.entities import Table
    from amocrm_assets.rows.day_rows import DayRows

Json = dict[str, Any]
LINKS = {"self": {"href": "https://acme.amocrm.ru"}}
HANGING = {
    "tags": [{"id": 3, "name": "vip", "color": None}, {"id": 4, "name": "опт", "color": "FFDC7F"}],
    "companies": [{"id": 41, "_links": LINKS}],
    "contacts": [{"id": 51, "is_main": False, "_links": LINKS}, {"id": 52, "is_main": True, "_links": LINKS}],
    "catalog_elements": [{"id": 71, "metadata": {"quantity": 1.5, "catalog_id": 7001, "price_id": None}}],
    "loss_reason": [{"id": 91, "name": "Дорого", "sort": 1}],
    "source": {"id": 61, "name": "Форма на сайте", "external_id": "f", "type": "forms"},
}
EMPTY: Json = {
    "company_id": None,
    "main_contact_id": None,
    "contacts": [],
    "tags": [],
    "catalog_elements": [],
    "loss_reason": None,
    "source": None,
    "score": None,
    "labor_cost": None,
    "price_with_minor_units": None,
    "is_price_modified_by_robot": None,
}
SHARED = ("id", "updated_at", "is_deleted")


def merged(*captures: Sequence[Line], table: Table = LEAD_DETAILS) -> DayRows:
    opened = [
        OpenCapture(capture_header(number), iter(list(map(line, sent)))) for number, sent in enumerate(captures)
    ]
    return rows_of_day(LEADS, opened, source=source(), day=DAY, table=table)


def rows_of(*captures: Sequence[Line], table: Table = LEAD_DETAILS) -> list[Json]:
    schema = arrow_schema(table)
    found = pa.concat_tables([schema.empty_table(), *merged(*captures, table=table).tables()])
    assert found.schema == schema
    found.validate(full=True)
    rows: list[Json] = found.to_pylist()
    return rows


def of(row: Json) -> Json:
    """The columns that the shard of leads has not."""
    return {name: row[name] for name in EMPTY}


def full(number: int, **properties: Any) -> Json:
    """A lead on which everything hangs."""
    return lead(
        number,
        _embedded=HANGING,
        source_id=61,
        labor_cost=60,
        score=5,
        price_with_minor_units=99.9,
        is_price_modified_by_robot=True,
        **properties,
    )


WANTED = {
    "company_id": 41,
    "main_contact_id": 52,
    "contacts": [{"id": 51, "is_main": False}, {"id": 52, "is_main": True}],
    "tags": [{"id": 3, "name": "vip", "color": None}, {"id": 4, "name": "опт", "color": "FFDC7F"}],
    "catalog_elements": [{"id": 71, "catalog_id": 7001, "quantity": Decimal("1.5"), "price_id": None}],
    "loss_reason": {"id": 91, "name": "Дорого"},
    "source": {"id": 61, "name": "Форма на сайте", "type": "forms"},
    "score": 5,
    "labor_cost": 60,
    "price_with_minor_units": Decimal("99.9"),
    "is_price_modified_by_robot": True,
}


def test_all_that_hangs_on_a_lead_is_in_its_row() -> None:
    (row,) = rows_of([full(1)])
    assert row == {"id": 1, "account_id": 31_000_001, "updated_at": UPDATED_AT, "is_deleted": False} | WANTED
    assert merged([full(1)]).oddities == ()


def test_a_capture_that_was_made_without_it_gives_nulls_and_empty_lists() -> None:
    without = lead(1, _embedded={})
    del without["score"], without["labor_cost"]
    (row,) = rows_of([without])
    assert of(row) == EMPTY


@pytest.mark.parametrize(
    ("embedded", "properties", "wanted"),
    [
        ({"loss_reason": {"id": 91, "name": "Дорого"}}, {}, {"loss_reason": {"id": 91, "name": "Дорого"}}),
        ({"loss_reason": []}, {}, {}),
        ({"source": None}, {"source_id": 7}, {"source": {"id": 7, "name": None, "type": None}}),
        ({"source": {"name": "Чат"}}, {"source_id": 7}, {"source": {"id": 7, "name": "Чат", "type": None}}),
        (
            {"catalog_elements": [{"id": 1, "quantity": 2, "metadata": []}]},
            {},
            {
                "catalog_elements": [
                    {"id": 1, "catalog_id": None, "quantity": Decimal(2), "price_id": None},
                ]
            },
        ),
        ({"companies": {"0": {"id": 41}}}, {}, {"company_id": 41}),
        ({}, {"price_with_minor_units": 12345678901234567890.12}, {}),
    ],
)
def test_other_shapes_that_have_been_seen_are_understood(embedded: Json, properties: Json, wanted: Json) -> None:
    (row,) = rows_of([lead(1, _embedded=embedded, **properties)])
    found = of(row)
    assert {name: found[name] for name in wanted} == wanted
    rest = [name for name in EMPTY if name not in wanted and name not in properties]
    assert {name: found[name] for name in rest} == {name: EMPTY[name] for name in rest}


def test_numbers_keep_their_digits() -> None:
    sent = line(lead(1, price_with_minor_units="HERE")).replace(b'"HERE"', b"12345678901234567890.120")
    (row,) = rows_of([sent])
    assert str(row["price_with_minor_units"]) == "12345678901234567890.120000000"
    rounded = line(lead(1, price_with_minor_units="HERE")).replace(b'"HERE"', b"0.30000000000000004")
    assert rows_of([rounded])[0]["price_with_minor_units"] == Decimal("0.3")
    assert [each.kind for each in merged([rounded]).oddities] == [
        "price_with_minor_units: more than 9 decimals, rounded"
    ]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"_embedded": "x"}, "contacts: text instead of a list"),
        ({"_embedded": {"companies": 5}}, "company_id: list instead of an integer"),
        ({"_embedded": {"companies": ["x"]}}, "company_id: list instead of an integer"),
        ({"_embedded": {"companies": [{"id": "x"}]}}, "company_id: text instead of an integer"),
        ({"_embedded": {"tags": [{"id": 1, "name": 5}]}}, "tags[].name: number instead of text"),
        ({"_embedded": {"contacts": ["x"]}}, "contacts[]: text instead of an object"),
        ({"_embedded": {"loss_reason": "x"}}, "loss_reason: text instead of an object"),
        ({"_embedded": {"source": 5}}, "source: number instead of an object"),
        ({"price_with_minor_units": "x"}, "price_with_minor_units: text instead of a number"),
        (
            {"price_with_minor_units": "5.5"},
            "price_with_minor_units: text instead of a number, converted",
        ),
    ],
)
def test_what_does_not_fit_is_an_oddity(changes: Json, kind: str) -> None:
    assert [each.kind for each in merged([lead(1) | changes]).oddities] == [kind]


def test_each_lead_has_its_own_oddities_alone() -> None:
    odd = lead(2, price_with_minor_units="x")
    found = merged([lead(1), odd, lead(3), odd | {"id": 4}, lead(5, _embedded={"source": 5})]).oddities
    assert [(each.kind, each.count, each.example) for each in found] == [
        ("price_with_minor_units: text instead of a number", 2, "2"),
        ("source: number instead of an object", 1, "5"),
    ]


def test_a_stub_keeps_what_hung_on_the_last_full_version() -> None:
    (row,) = rows_of([full(1)], [stub(1, updated_at=UPDATED_AT + 5)])
    assert of(row) == WANTED
    assert (row["is_deleted"], row["updated_at"]) == (True, UPDATED_AT + 5)


def test_a_later_reading_without_it_takes_nothing_away() -> None:
    (row,) = rows_of([full(1)], [lead(1)])
    assert of(row)["contacts"] == WANTED["contacts"]
    (row,) = rows_of([full(1)], [lead(1, updated_at=UPDATED_AT + 1)])
    assert of(row)["contacts"] == [], "the lead was edited in between"
    emptied = full(1) | {"_embedded": HANGING | {"contacts": []}}
    (row,) = rows_of([full(1)], [emptied])
    assert of(row)["contacts"] == [], "it was read whole"


VERSIONS = st.builds(
    lambda number, at, kind: {
        "full": full(number, updated_at=UPDATED_AT + at),
        "without": lead(number, updated_at=UPDATED_AT + at, _embedded={}),
        "deleted": lead(number, updated_at=UPDATED_AT + at, is_deleted=True),
        "stub": stub(number, updated_at=UPDATED_AT + at),
        "timeless": lead(number, updated_at=None),
        "odd": lead(number, updated_at=str(UPDATED_AT + at), is_deleted=0, status_id="x"),
    }[kind],
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from(["full", "without", "deleted", "stub", "timeless", "odd"]),
)


@pytest.mark.slow
@given(captures=st.lists(st.lists(VERSIONS, max_size=6), min_size=1, max_size=4))
@example(captures=[[stub(1)], [lead(1, _embedded={})], [full(1)]])
@example(captures=[[full(1)], [stub(1)], [lead(1, _embedded={})]])
@example(captures=[[full(1)], [lead(1, is_deleted=True)]])
def test_there_is_a_row_for_exactly_each_row_of_the_leads(captures: list[list[Json]]) -> None:
    own, details = rows_of(*captures, table=LEADS.table), rows_of(*captures)
    assert [[row[name] for name in SHARED] for row in details] == [[row[name] for name in SHARED] for row in own]


PLACES = st.sampled_from([*sorted(lead(1)), "source_id", "price_with_minor_units", *HANGING])


@pytest.mark.slow
@given(place=PLACES, value=JSON)
@example(place="contacts", value=[{"id": 1, "is_main": "\ud800"}])
def test_any_value_in_any_place_gives_the_same_rows_as_in_leads_and_a_counted_oddity(
    place: str, value: Any
) -> None:
    sent = full(1)
    sent |= {"_embedded": HANGING | {place: value}} if place in HANGING else {place: value}
    own, details = rows_of([sent], table=LEADS.table), rows_of([sent])
    assert [[row[name] for name in SHARED] for row in details] == [[row[name] for name in SHARED] for row in own]
    if details and place in ("contacts", "tags", "companies") and isinstance(value, str | int):
        assert merged([sent]).oddities
