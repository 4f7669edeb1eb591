"""Old captures are removed, and no day ever gets poorer by it."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm_assets.captures import (
    CaptureHeader,
    ReadingFinding,
    all_captures,
    captures_by_day,
    open_capture,
    read_findings,
)
from amocrm_assets.entities import CALLS, COMPANIES, CONTACTS, EVENTS, LEADS, TASKS
from amocrm_assets.errors import ActionRequired, Busy, StorageUnavailable
from amocrm_assets.forgetting import Forgetting
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets.retention import HeldBack, RemovedCaptures
from amocrm_assets.rows import write_rows
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.forgetting.test_forgetting import Dying
from amocrm_assets_tests.retention.days import Kept, hours
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, field, lead, stub
from amocrm_assets_tests.storage.conftest import gcs, gcs_server
from amocrm_assets_tests.storage.fake_gcs import BUCKET
from amocrm_assets_tests.storage.places import Place as StoragePlace

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

__all__ = ["gcs", "gcs_server"]

TAGS = {"tags": [{"id": 3, "name": "vip", "color": None}], "contacts": [{"id": 51, "is_main": True}]}
CITY = field("text", {"value": "Москва"}, field_id=5, field_name="Город")
PASSPORT = field("text", {"value": "4509 123456"}, field_id=6, field_name="Паспорт")
FIELDS = [{"id": 5, "name": "Город", "code": None}, {"id": 6, "name": "Паспорт", "code": None}]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A source of leads in a folder."""
    return Kept(open_storage(str(tmp_path / "data")))


@pytest.fixture(params=["folder", "gs"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """A source of leads in each storage."""
    if request.param == "gs":
        request.getfixturevalue("gcs")
        return Kept(StoragePlace(f"gs://{BUCKET}/some/prefix").opened())
    return Kept(open_storage(str(tmp_path / "data")))


@pytest.mark.slow
def test_rows_stand_for_old_captures_and_later_ones_are_merged_with_them(anywhere: Kept) -> None:
    kept = anywhere
    kept.capture([lead(1, name="Старый"), lead(2, _embedded=TAGS), lead(3)], number=0)
    kept.capture([lead(1, name="Новый", updated_at=UPDATED_AT + 5), stub(3, updated_at=UPDATED_AT + 9)], number=1)
    kept.make_rows()
    before = kept.rows()

    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]

    assert kept.names() == ["20260102T010000.000000Z.rows.gz"]
    assert kept.remove() == []
    kept.make_rows()
    assert kept.rows() == before
    # What is edited on Wednesday is no longer among Monday's leads: the day keeps it.
    kept.capture([lead(4)], number=3)
    kept.make_rows()
    rows = {row["id"]: row for row in kept.rows()[f"leads {DAY}"]}
    assert [rows[1]["name"], rows[3]["is_deleted"], rows[3]["name"]] == ["Новый", True, "Сделка 3"]
    assert list(rows) == [1, 2, 3, 4]
    details = {row["id"]: row for row in kept.rows()[f"lead_details {DAY}"]}
    assert [each["name"] for each in details[2]["tags"]] == ["vip"]


def test_what_a_reading_could_not_prove_is_said_of_what_stands_for_it(kept: Kept) -> None:
    unproven = ReadingFinding(
        record_list="leads", kind="end_unproven", may_miss=True, cause="No end.", fix="Read again."
    )
    kept.capture([lead(1)], number=0, tells_findings=True)
    kept.capture([lead(2)], number=1, tells_findings=True, findings=[unproven])
    kept.make_rows()

    kept.remove()

    (name,) = [each.name for each in all_captures(LEADS, kept.storage, "acme")]
    assert read_findings(kept.storage, name) == (unproven,)


def test_no_more_is_kept_than_rows_are_made_of(kept: Kept) -> None:
    kept.set(leads_custom_fields=["Город"], import_lead_name=False)
    kept.capture(
        [
            lead(1, name="Марфа, первый раз", custom_fields_values=[CITY, PASSPORT], some_property="secret-of-1"),
            {"name": "a record without an id"},
        ],
        fields=FIELDS,
    )
    newer = lead(1, name="Марфа", custom_fields_values=[CITY, PASSPORT], updated_at=UPDATED_AT + 1)
    kept.capture([newer], number=1)
    kept.make_rows()
    before = kept.rows()

    assert kept.remove() == [RemovedCaptures("leads", DAY, 2, ("Паспорт",))]

    (line,) = kept.lines()
    record = json.loads(line)
    assert [each["field_name"] for each in record["custom_fields_values"]] == ["Город"]
    assert not {"name", "some_property", "_links"} & record.keys()
    kept.make_rows()
    assert kept.rows() == before
    # What rows lacked cannot be got back.
    kept.set(import_lead_name=True)
    kept.make_rows()
    (row,) = kept.rows()[f"leads {DAY}"]
    assert (row["name"], [each["name"] for each in row["custom_fields"]]) == (None, ["Город"])


def test_captures_stay_where_what_would_stand_for_them_gives_other_rows(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.capture([lead(1), lead(2)])
    kept.make_rows()
    names = kept.names()
    monkeypatch.setattr("amocrm_assets.retention.stand_in.needed_lines", lambda *_, **__: {(0, 0)})

    (outcome,) = kept.remove()

    assert isinstance(outcome, HeldBack)
    assert "gives other rows" in outcome.why
    assert kept.names() == names


def test_only_captures_that_are_old_are_removed(kept: Kept) -> None:
    for number in range(4):
        kept.capture([lead(number + 1)], number=number)
    kept.make_rows()
    before = kept.rows()
    assert kept.remove(hours(1)) == [RemovedCaptures("leads", DAY, 2)]
    assert kept.names() == [
        "20260102T010000.000000Z.rows.gz",
        "20260102T020000.000000Z.jsonl.gz",
        "20260102T030000.000000Z.jsonl.gz",
    ]
    assert kept.remove(hours(1)) == []
    assert kept.remove(hours(2)) == [RemovedCaptures("leads", DAY, 2)]
    assert kept.names() == ["20260102T020000.000000Z.rows.gz", "20260102T030000.000000Z.jsonl.gz"]
    kept.make_rows()
    assert kept.rows() == before
    header = headers(kept)[0]
    assert header.stands_for is not None
    assert (header.stands_for.captures, header.stands_for.chosen) == (3, None)


def headers(kept: Kept) -> list[CaptureHeader]:
    found = []
    for each in all_captures(kept.entity, kept.storage, "acme"):
        with open_capture(kept.entity, kept.storage, each.name) as capture:
            found.append(capture.header)
    return found


def held_back(kept: Kept) -> str:
    """Why the day's captures stay, and what to do."""
    before = kept.names()
    (outcome,) = kept.remove()
    assert isinstance(outcome, HeldBack)
    assert kept.names() == before
    assert not [name for name in kept.storage.names("") if ".rows" in name]
    return f"{outcome.why} {outcome.fix}"


def test_without_rows_of_every_table_captures_stay(kept: Kept) -> None:
    kept.capture([lead(1)])
    assert "Materialise `leads`" in held_back(kept)
    write_rows(LEADS, kept.storage, kept.source, DAY)
    assert "Materialise `lead_details`" in held_back(kept)
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]


def test_a_table_that_is_switched_off_is_not_waited_for_and_can_be_made_later(kept: Kept) -> None:
    kept.set(import_lead_details=False)
    kept.capture([lead(1, _embedded=TAGS)])
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]
    kept.set(import_lead_details=True)
    kept.make_rows()
    (row,) = kept.rows()[f"lead_details {DAY}"]
    assert [each["name"] for each in row["tags"]] == ["vip"]


def test_rows_that_are_older_than_a_capture_or_a_setting_hold_captures_back(kept: Kept) -> None:
    kept.set(leads_custom_fields=[])
    kept.capture([lead(1, custom_fields_values=[CITY])], fields=FIELDS)
    kept.make_rows()
    kept.set()
    assert "the rows of `leads` 2026-01-01 are not what the captures give" in held_back(kept)
    kept.make_rows()
    kept.capture([lead(2)], number=1)
    assert "are not what the captures give" in held_back(kept)
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]
    (first, _) = kept.rows()[f"leads {DAY}"]
    assert [each["name"] for each in first["custom_fields"]] == ["Город"]


def test_a_damaged_capture_holds_back_its_day_and_no_other(kept: Kept) -> None:
    next_day = DAY + timedelta(days=1)
    name = kept.capture([lead(1)])
    kept.capture([lead(2, updated_at=UPDATED_AT + 86_400)], day=next_day)
    kept.make_rows(DAY, next_day)
    with kept.storage.as_local_path(name) as path:
        path.write_bytes(path.read_bytes()[:-9])
    first, second = kept.remove()
    assert isinstance(first, HeldBack)
    assert "ends early" in first.why
    assert second == RemovedCaptures("leads", next_day, 1)


def test_a_field_that_was_chosen_by_a_former_name_stays_chosen(kept: Kept) -> None:
    kept.set(leads_custom_fields=["Город"])
    renamed = deepcopy(CITY) | {"field_name": "Населённый пункт"}
    kept.capture([lead(1, custom_fields_values=[CITY])], fields=FIELDS)
    other = [{"id": 5, "name": "Населённый пункт"}]
    kept.capture([lead(2, custom_fields_values=[renamed])], fields=other, number=1)
    kept.make_rows()
    before = kept.rows()
    assert [len(row["custom_fields"]) for row in before[f"leads {DAY}"]] == [1, 1]
    assert kept.remove(hours(0)) == [RemovedCaptures("leads", DAY, 1)]
    kept.make_rows()
    assert kept.rows() == before
    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]
    kept.make_rows()
    assert kept.rows() == before


def test_what_a_poorer_reading_lacks_stays_with_the_whole_one(kept: Kept) -> None:
    kept.capture([lead(1, _embedded=TAGS)])
    kept.capture([lead(1, _embedded={})], number=1)
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]
    kept.capture([lead(1, _embedded={})], number=2)
    kept.make_rows()
    (row,) = kept.rows()[f"lead_details {DAY}"]
    assert [each["name"] for each in row["tags"]] == ["vip"]


def test_days_by_other_midnights_keep_their_records(kept: Kept) -> None:
    days = [DAY + timedelta(days=number) for number in range(3)]
    kept.set(timezone="UTC")
    for number, day in enumerate(days):
        at = UPDATED_AT + 86_400 * number
        lines = [lead(10 * number + hour, updated_at=at - 50_000 + hour * 7_000) for hour in range(1, 9)]
        kept.capture(lines, day=day, zone="UTC")
    kept.set(timezone="Europe/Moscow")
    kept.make_rows(*days[1:])
    before = kept.rows(*days[1:])
    first, second, third = kept.remove()
    assert isinstance(first, HeldBack)  # a part of it is in no capture
    assert [type(second), type(third)] == [RemovedCaptures, RemovedCaptures]
    kept.make_rows(*days[1:])
    assert kept.rows(*days[1:]) == before


def test_captures_that_were_read_by_two_midnights_stand_apart(kept: Kept) -> None:
    kept.capture([lead(1)], zone="UTC")
    kept.capture([lead(1, name="Новый"), lead(2)], number=1)
    kept.make_rows()
    before = kept.rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]
    assert len(kept.names()) == 2
    kept.make_rows()
    assert kept.rows() == before


def test_what_is_dropped_or_hashed_by_now_is_so_in_what_stands_for_captures(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_HASH_KEY", "0123456789abcdef-of-the-test")
    kept.capture([lead(1, custom_fields_values=[CITY, PASSPORT])], fields=FIELDS)
    kept.set(drop_fields=["Паспорт"], hash_fields=["Город"])
    kept.make_rows()
    before = kept.rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]
    (line,) = kept.lines()
    assert not any(json.dumps(each)[1:-1].encode() in line or each.encode() in line for each in ("Москва", "4509"))
    kept.make_rows()
    assert kept.rows() == before
    (header,) = headers(kept)
    assert header.privacy is not None
    assert (header.privacy.dropped, header.privacy.hashed) == (("паспорт",), ("город",))
    assert header.privacy.key


def test_a_run_that_holds_the_account_is_waited_for(kept: Kept) -> None:
    kept.capture([lead(1)])
    kept.make_rows()
    with kept.storage.lock("locks/acme", wait_seconds=1), pytest.raises(Busy):
        kept.remove(wait_seconds=0.1)
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]


def test_rows_made_from_a_list_of_before_the_removal_are_tried_again(kept: Kept) -> None:
    next_day = DAY + timedelta(days=1)
    kept.capture([lead(1)], zone="UTC")
    kept.capture([lead(1)])
    kept.capture([lead(2, updated_at=UPDATED_AT + 86_400)], day=next_day)
    kept.make_rows()
    listed = captures_by_day(LEADS, kept.storage, "acme")
    assert any(isinstance(each, RemovedCaptures) for each in kept.remove())
    with pytest.raises(StorageUnavailable, match="removed after they were listed"):
        write_rows(LEADS, kept.storage, kept.source, next_day, others=listed)
    write_rows(LEADS, kept.storage, kept.source, next_day)


@pytest.mark.slow
def test_a_removal_that_is_killed_at_any_write_and_made_again_ends_the_same(tmp_path: Path) -> None:
    filled = Kept(open_storage(str(tmp_path / "filled")))
    for number in range(4):
        filled.capture([lead(1, price=number, updated_at=UPDATED_AT + number), lead(10 + number)], number=number)
        lines = [lead(1, updated_at=UPDATED_AT - number), stub(10 + number)]
        filled.capture(lines, number=number + 10, zone="UTC")
    filled.make_rows()
    wanted = filled.rows()
    shutil.copytree(tmp_path / "filled", tmp_path / "whole")
    whole = Kept(open_storage(str(tmp_path / "whole")))
    whole.remove()
    kills = 0
    while True:
        shutil.copytree(tmp_path / "filled", tmp_path / str(kills))
        kept = Kept(open_storage(str(tmp_path / str(kills))))
        storage: Storage = Dying(kept.storage, ("replace", "delete"), [kills])
        try:
            kept.remove(storage=storage)
        except KeyboardInterrupt:
            pass
        else:
            break
        kept.make_rows()  # a run that comes between
        assert kept.rows() == wanted, kills
        kept.remove()
        assert kept.names() == whole.names()
        assert sorted(kept.lines()) == sorted(whole.lines()), kills
        kept.make_rows()
        assert kept.rows() == wanted, kills
        kills += 1
    assert kills == 10


def request(kept: Kept, storage: Storage | None = None) -> Forgetting:
    """Requests about people in what is kept."""
    warehouse = DuckDbWarehouse(Path(kept.storage.uri("warehouse.duckdb")), wait_seconds=1)
    return Forgetting(kept.source, storage or kept.storage, warehouse, entities=(LEADS,), lock_wait_seconds=1)


def test_a_person_is_forgotten_in_what_stands_for_captures_too(kept: Kept) -> None:
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    kept.remove()
    forgetting, person = request(kept), Asked(values=("Марфа",))

    report = forgetting.carry_out(person)

    assert [each.name for each in report.captures] == [
        "captures/acme/leads/2026-01-01/20260102T000000.000000Z.rows.gz"
    ]
    assert forgetting.left(report) == []
    assert not any("Марфа" in json.loads(line).get("name", "") for line in kept.lines())
    assert [row["id"] for row in kept.rows()[f"leads {DAY}"]] == [2]
    # And `--verify` looks there: a backup that was put back is found.
    name = report.captures[0].name
    kept.storage.delete(name)
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    kept.remove()
    assert name in forgetting.left(report)


def test_tombstones_are_not_carried_on(kept: Kept) -> None:
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    request(kept).carry_out(Asked(values=("Марфа",)))
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]
    assert [json.loads(line)["id"] for line in kept.lines()] == [2]
    (header,) = headers(kept)
    assert header.forgotten is None


def test_a_request_that_was_killed_ends_first(kept: Kept) -> None:
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    person = Asked(values=("Марфа",))

    storage: Storage = Dying(kept.storage, ("replace",), [1])
    with pytest.raises(KeyboardInterrupt):
        request(kept, storage).carry_out(person)
    with pytest.raises(ActionRequired, match="to forget a person was interrupted"):
        kept.remove()
    request(kept).carry_out(person)
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]


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
        Kept(open_storage(str(tmp_path_factory.mktemp("data"))), declared, **choice, **switches) for _ in range(2)
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
