"""What holds captures back from their removal, and kills during it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.captures import (
    captures_by_day,
)
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import Busy, StorageUnavailable
from amocrm_assets.retention import HeldBack, RemovedCaptures
from amocrm_assets.rows import write_rows
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.forgetting.test_forgetting import Dying
from amocrm_assets_tests.retention.days import StoredEntity
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, lead, stub

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.storage import Storage

from amocrm_assets_tests.retention.old_captures import CITY, FIELDS, TAGS


def test_captures_stay_where_what_would_stand_for_them_gives_other_rows(
    kept: StoredEntity, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.capture([lead(1), lead(2)])
    kept.make_rows()
    names = kept.names()
    monkeypatch.setattr("amocrm_assets.retention.stand_in.needed_lines", lambda *_, **__: {(0, 0)})

    (outcome,) = kept.remove()

    assert isinstance(outcome, HeldBack)
    assert "gives other rows" in outcome.why
    assert kept.names() == names


def held_back(kept: StoredEntity) -> str:
    """Why the day's captures stay, and what to do."""
    before = kept.names()
    (outcome,) = kept.remove()
    assert isinstance(outcome, HeldBack)
    assert kept.names() == before
    assert not [name for name in kept.storage.names("") if ".rows" in name]
    return f"{outcome.why} {outcome.fix}"


def test_without_rows_of_every_table_captures_stay(kept: StoredEntity) -> None:
    kept.capture([lead(1)])
    assert "Materialise `leads`" in held_back(kept)
    write_rows(LEADS, kept.storage, kept.source, DAY)
    assert "Materialise `lead_details`" in held_back(kept)
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]


def test_a_table_that_is_switched_off_is_not_waited_for_and_can_be_made_later(kept: StoredEntity) -> None:
    kept.set(import_lead_details=False)
    kept.capture([lead(1, _embedded=TAGS)])
    kept.make_rows()
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]
    kept.set(import_lead_details=True)
    kept.make_rows()
    (row,) = kept.rows()[f"lead_details {DAY}"]
    assert [each["name"] for each in row["tags"]] == ["vip"]


def test_rows_that_are_older_than_a_capture_or_a_setting_hold_captures_back(kept: StoredEntity) -> None:
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


def test_a_damaged_capture_holds_back_its_day_and_no_other(kept: StoredEntity) -> None:
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


def test_a_run_that_holds_the_account_is_waited_for(kept: StoredEntity) -> None:
    kept.capture([lead(1)])
    kept.make_rows()
    with kept.storage.lock("locks/acme", wait_seconds=1), pytest.raises(Busy):
        kept.remove(wait_seconds=0.1)
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]


def test_rows_made_from_a_list_of_before_the_removal_are_tried_again(kept: StoredEntity) -> None:
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
    filled = StoredEntity(open_storage(str(tmp_path / "filled")))
    for number in range(4):
        filled.capture([lead(1, price=number, updated_at=UPDATED_AT + number), lead(10 + number)], number=number)
        lines = [lead(1, updated_at=UPDATED_AT - number), stub(10 + number)]
        filled.capture(lines, number=number + 10, zone="UTC")
    filled.make_rows()
    wanted = filled.rows()
    shutil.copytree(tmp_path / "filled", tmp_path / "whole")
    whole = StoredEntity(open_storage(str(tmp_path / "whole")))
    whole.remove()
    kills = 0
    while True:
        shutil.copytree(tmp_path / "filled", tmp_path / str(kills))
        kept = StoredEntity(open_storage(str(tmp_path / str(kills))))
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
