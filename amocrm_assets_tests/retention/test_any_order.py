"""Whatever is captured and removed in whatever order, rows stay those of all captures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm_assets.entities import CALLS, COMPANIES, CONTACTS, EVENTS, LEADS, TASKS
from amocrm_assets.retention import RemovedCaptures
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.retention.days import StoredEntity, hours
from amocrm_assets_tests.retention.old_captures import CITY, FIELDS, PASSPORT, TAGS
from amocrm_assets_tests.rows.days import UPDATED_AT, field, lead, stub

ENTITY_LINES = {
    "leads": (LEADS, {}),
    "contacts": (CONTACTS, {"import_contacts": True}),
    "companies": (COMPANIES, {"import_companies": True}),
    "events": (EVENTS, {"import_events": True}),
    "tasks": (TASKS, {"import_tasks": True}),
    "calls": (CALLS, {"import_calls": True}),
}
# What records of these have beside a lead's properties: a time that never changes, the list that they come from.
MORE: dict[str, dict[str, Any]] = {
    "events": {"created_at": UPDATED_AT},
    "calls": {"entity_type": "contacts", "note_type": "call_in"},
}


def versions() -> st.SearchStrategy[dict[str, Any]]:
    """Versions of a few records of any entity, edited within a few seconds, some of them with an odd shape."""
    odd = st.sampled_from([None, "x", [], {}, [{}], [None], 5, {"0": CITY}])
    fields = st.lists(st.sampled_from([CITY, PASSPORT, field("date", {"value": 1_767_229_200}), {"values": 3}]))
    return st.builds(
        lambda number, at, deleted, more: {
            **(stub(number, updated_at=at) if deleted else lead(number, updated_at=at)),
            **more,
        },
        st.integers(1, 4),
        st.integers(UPDATED_AT, UPDATED_AT + 4),
        st.booleans(),
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["а", "б", 5, None]),
                "price": st.sampled_from([1, 2, "3", 1.5]),
                "custom_fields_values": fields | odd,
                "_embedded": st.sampled_from([TAGS, {}, None, {"tags": [], "contacts": []}, {"contacts": "x"}]),
                "updated_at": st.sampled_from([None, UPDATED_AT, UPDATED_AT + 90]),
                "id": st.sampled_from([None, "2", 2.0]),
                "unknown": odd,
            },
        ),
    )


HISTORY = st.lists(st.tuples(st.lists(versions(), max_size=5), st.integers(-1, 3)), min_size=1, max_size=5)


@pytest.mark.slow
@given(history=HISTORY, chosen=st.sampled_from([None, ["Город"], []]), entity=st.sampled_from(list(ENTITY_LINES)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_captured_and_removed_in_whatever_order_rows_are_those_of_all_captures(
    history: list[tuple[list[dict[str, Any]], int]],
    chosen: list[str] | None,
    entity: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    declared, switches = ENTITY_LINES[entity]
    choice = {f"{entity}_custom_fields": chosen} if declared.choices.custom_fields else {}
    made = [
        StoredEntity(open_storage(str(tmp_path_factory.mktemp("data"))), declared, **choice, **switches)
        for _ in range(2)
    ]
    kept, everything = made
    for number, (lines, removed) in enumerate(history):
        for each in made:
            sent = [line | MORE.get(entity, {}) for line in lines]
            each.capture(sent, number=number, fields=FIELDS)
            each.make_rows()
        assert kept.rows() == everything.rows()
        if removed >= 0:
            outcomes = kept.remove(hours(number - removed))
            assert all(isinstance(each, RemovedCaptures) for each in outcomes), outcomes
            kept.make_rows()
            assert kept.rows() == everything.rows()
    kept.remove()
    assert all(name.endswith(".rows.gz") for name in kept.names())
    kept.make_rows()
    assert kept.rows() == everything.rows()
