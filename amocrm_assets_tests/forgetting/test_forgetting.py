"""A person who is forgotten is gone, stays away, and the report says what was changed."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import CaptureWriter, ReadingFinding, all_captures, read_findings
from amocrm_assets.captures.forgotten import is_tombstone
from amocrm_assets.captures.privacy import RecordLines
from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import REFERENCE
from amocrm_assets.errors import Busy
from amocrm_assets.forgetting.report import folder_of, in_words
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets_tests.companies_lite import COMPANIES
from amocrm_assets_tests.forgetting.people import (
    CONTACT,
    DAYS,
    LEAD,
    PERSON,
    PHONE,
    Place,
    local_place,
    records,
)
from amocrm_assets_tests.rows.days import capture_header

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse


pytestmark = pytest.mark.slow


def digest(storage: Storage, name: str) -> str:
    with storage.as_local_path(name) as path:
        return sha256(path.read_bytes()).hexdigest()


def test_a_person_is_gone_from_captures_rows_and_tables_and_others_stay(place: Place) -> None:
    place.fill()
    assert {name.partition("/")[0] for name in place.marked()} >= {"leads", "companies", "reference", "rows"}
    names = place.storage.names("captures")
    before = {name: digest(place.storage, name) for name in names}

    report = place.forget(PERSON)

    assert place.marked() == {}
    assert place.storage.names("captures") == names
    for day in DAYS:
        assert place.ids(LEADS.table, day) == [102, 104]
        assert place.ids(COMPANIES.table, day) == [2, 4]
    assert [sum(map(is_tombstone, place.lines(each))) for each in (LEADS, COMPANIES, REFERENCE)] == [4, 4, 2]
    # The report is right: the checksums are those of the files, before and after.
    assert report.status == "done"
    assert {each.name: each.before for each in report.captures} == before
    for each in (*report.captures, *report.rows):
        assert each.after == digest(place.storage, each.name)
        assert each.after != each.before or each.entity == "reference" or "company_owners" in each.name
    assert {each.rows_before for each in report.tables if "Leads_" in each.table} == {4}
    assert {each.rows_after for each in report.tables if "Leads_" in each.table} == {2}
    assert place.forgetting().left(report) == []
    # And it names nobody.
    kept = place.storage.read(f"{folder_of('acme')}/{report.request}.json")
    assert kept is not None
    assert json.loads(kept.content)["status"] == "done"
    report_text = kept.content.decode() + in_words(report)
    assert not any(mark in report_text for mark in ("9165550123", "916-555", "Отмеченная", "marfa"))


def test_a_lead_is_forgotten_by_its_id_with_what_hangs_on_it(local: Place) -> None:
    local.forget(Asked({"lead": [LEAD]}))
    assert local.ids(LEADS.table, DAYS[0]) == [102, 103, 104]
    assert local.ids(LEADS.tables[1], DAYS[0]) == [102, 103, 104]
    assert local.ids(COMPANIES.table, DAYS[1]) == [1, 3, 4]


def test_a_contact_is_forgotten_by_its_id_and_its_lead_stays_without_it(local: Place) -> None:
    local.forget(Asked({"contact": [CONTACT]}))
    assert local.ids(LEADS.table, DAYS[0]) == [101, 102, 103, 104]
    assert not any(f'"id": {CONTACT}'.encode() in line for line in local.lines(LEADS))
    assert any(b'"id":809' in line for line in local.lines(LEADS))


def test_a_dry_run_says_what_would_change_and_changes_nothing(local: Place) -> None:
    names = local.storage.names("")
    before = {name: digest(local.storage, name) for name in names}
    plan = local.forgetting().plan(PERSON)
    assert (plan.status, plan.records, len(plan.captures)) == ("planned", 10, 6)
    assert {name: digest(local.storage, name) for name in local.storage.names("")} == before
    assert local.forgetting().left(plan) == []


def test_later_readings_honour_the_list_and_a_second_request_adds_to_it(local: Place) -> None:
    local.forget(Asked({"lead": [LEAD]}))
    local.forget(Asked(values=(PHONE,)))
    lines = RecordLines(LEADS, local.source, local.storage)
    kept = [lines.kept(json.dumps(each).encode(), dict) for each in records(DAYS[0])["leads"]]
    assert [len(each) for each in kept] == [0, 1, 0, 1]


def test_a_run_that_holds_the_account_is_waited_for(local: Place) -> None:
    with local.storage.lock("locks/acme", wait_seconds=1), pytest.raises(Busy):
        local.forget(PERSON)
    assert local.marked()


def test_a_hashed_person_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_HASH_KEY", "0123456789abcdef-of-the-test")
    hashing = local_place(tmp_path)
    hashing.source = hashing.source.model_copy(update={"hash_fields": ["phone"]})
    lines = RecordLines(LEADS, hashing.source, hashing.storage)
    forgotten = hashing.forgetting().plan(Asked(values=(PHONE,))).entries
    hashed = lines.written(json.dumps(records(DAYS[0])["leads"][2]).encode(), dict)
    assert b"9165550123" not in hashed
    hashing.forget(Asked(values=(PHONE,)))
    assert forgotten
    assert RecordLines(LEADS, hashing.source, hashing.storage).kept(hashed, dict) == []


class Dying:
    """Does what another object does, until it has made so many changes."""

    def __init__(self, target: Any, changes: tuple[str, ...], lives: list[int]) -> None:
        self._target = target
        self._changes = changes
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        if name in self._changes:
            if not self._lives[0]:
                raise KeyboardInterrupt
            self._lives[0] -= 1
        return getattr(self._target, name)


def test_a_capture_that_is_rewritten_still_tells_what_its_reading_could_not_prove(local: Place) -> None:
    found = ReadingFinding(record_list="leads", kind="filters_ignored", may_miss=False, cause="c", fix="f")
    writer = CaptureWriter(LEADS, local.storage, capture_header(day=DAYS[0], tells_findings=True))
    writer.add([json.dumps(records(DAYS[0])["leads"][0]).encode()])
    name = writer.publish([found]).name

    assert name in {each.name for each in local.forget(PERSON).captures}
    assert read_findings(local.storage, name) == (found,)


def test_a_request_that_is_killed_at_any_write_and_made_again_ends_the_same(tmp_path: Path) -> None:
    local_place(tmp_path / "filled")
    shutil.copytree(tmp_path / "filled", tmp_path / "whole")
    whole = local_place(tmp_path / "whole", is_filled=True)
    wanted = whole.forget(PERSON)
    result = {name: digest(whole.storage, name) for name in whole.storage.names("rows")}
    kills = 0
    while True:
        shutil.copytree(tmp_path / "filled", tmp_path / str(kills))
        place = local_place(tmp_path / str(kills), is_filled=True)
        lives = [kills]
        storage: Storage = Dying(place.storage, ("write", "replace", "delete"), lives)
        warehouse: Warehouse = Dying(place.warehouse, ("load",), lives)
        try:
            place.forgetting(storage, warehouse).carry_out(PERSON)
        except KeyboardInterrupt:
            pass
        else:
            break
        report = place.forget(PERSON)
        assert place.marked() == {}, kills
        assert {name: digest(place.storage, name) for name in place.storage.names("rows")} == result, kills
        assert report.status == "done"
        assert len(place.forgetting().reports()) == 1
        assert [each.records for each in report.captures] == [each.records for each in wanted.captures]
        assert [each.before for each in report.captures] == [each.before for each in wanted.captures]
        assert all(each.after == digest(place.storage, each.name) for each in (*report.captures, *report.rows))
        assert [each.rows_before for each in report.tables] == [each.rows_before for each in wanted.tables], kills
        assert len(all_captures(LEADS, place.storage, "acme")) == len(DAYS)
        kills += 1
    assert kills >= 24
