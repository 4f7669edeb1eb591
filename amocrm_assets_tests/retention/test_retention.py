"""Old captures are removed, and no day ever gets poorer by it."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.captures import (
    ReadingFinding,
    all_captures,
    read_findings,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.retention import HeldBack, RemovedCaptures
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.retention.days import StoredEntity, hours
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, lead, stub
from amocrm_assets_tests.storage.conftest import gcs, gcs_server
from amocrm_assets_tests.storage.fake_gcs import BUCKET
from amocrm_assets_tests.storage.places import Place as StoragePlace

if TYPE_CHECKING:
    from pathlib import Path

from amocrm_assets_tests.retention.old_captures import CITY, FIELDS, PASSPORT, TAGS, headers

__all__ = ["gcs", "gcs_server"]


@pytest.fixture(params=["folder", "gs"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> StoredEntity:
    """A source of leads in each storage."""
    if request.param == "gs":
        request.getfixturevalue("gcs")
        return StoredEntity(StoragePlace(f"gs://{BUCKET}/some/prefix").opened())
    return StoredEntity(open_storage(str(tmp_path / "data")))


@pytest.mark.slow
def test_rows_stand_for_old_captures_and_later_ones_are_merged_with_them(anywhere: StoredEntity) -> None:
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


def test_what_a_reading_could_not_prove_is_said_of_what_stands_for_it(kept: StoredEntity) -> None:
    unproven = ReadingFinding(
        record_list="leads", kind="end_unproven", may_miss=True, cause="No end.", fix="Read again."
    )
    kept.capture([lead(1)], number=0, tells_findings=True)
    kept.capture([lead(2)], number=1, tells_findings=True, findings=[unproven])
    kept.make_rows()

    kept.remove()

    (name,) = [each.name for each in all_captures(LEADS, kept.storage, "acme")]
    assert read_findings(kept.storage, name) == (unproven,)


def test_no_more_is_kept_than_rows_are_made_of(kept: StoredEntity) -> None:
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


def test_only_captures_that_are_old_are_removed(kept: StoredEntity) -> None:
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


def test_a_field_that_was_chosen_by_a_former_name_stays_chosen(kept: StoredEntity) -> None:
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


def test_what_a_poorer_reading_lacks_stays_with_the_whole_one(kept: StoredEntity) -> None:
    kept.capture([lead(1, _embedded=TAGS)])
    kept.capture([lead(1, _embedded={})], number=1)
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]
    kept.capture([lead(1, _embedded={})], number=2)
    kept.make_rows()
    (row,) = kept.rows()[f"lead_details {DAY}"]
    assert [each["name"] for each in row["tags"]] == ["vip"]


def test_days_by_other_midnights_keep_their_records(kept: StoredEntity) -> None:
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


def test_captures_that_were_read_by_two_midnights_stand_apart(kept: StoredEntity) -> None:
    kept.capture([lead(1)], zone="UTC")
    kept.capture([lead(1, name="Новый"), lead(2)], number=1)
    kept.make_rows()
    before = kept.rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 2)]
    assert len(kept.names()) == 2
    kept.make_rows()
    assert kept.rows() == before


def test_what_is_dropped_or_hashed_by_now_is_so_in_what_stands_for_captures(
    kept: StoredEntity, monkeypatch: pytest.MonkeyPatch
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
