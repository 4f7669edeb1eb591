"""Ids that leads name and no list shows: they have a row, with the name that a lead bore where one did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import ReferenceTable, reference_table
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.reference import KnownIds, seen, write_reference_tables
from amocrm_assets.rows.reference.seen import refresh_seen_ids, seen_name
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, keep, lead, source
from amocrm_assets_tests.rows.reference.readings import BEGINNING, Row, capture, night

USERS, STATUSES, REASONS, GROUPS = map(
    reference_table, ("amoCrmUsers", "amoCrmStatuses", "amoCrmLossReasons", "amoCrmGroups")
)
NEXT = DAY + timedelta(days=1)
SECONDS = 86_400


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def write_day(storage: Storage, *leads: dict[str, Any], day: Any = DAY) -> None:
    later = SECONDS * (day - DAY).days
    keep(storage, [each | {"updated_at": each["updated_at"] + later} for each in leads], day=day)
    for table in LEADS.tables:
        write_rows(LEADS, storage, source(), day, table=table)


def lost(number: int, reason: int | None, name: str | None, **columns: Any) -> dict[str, Any]:
    embedded = [] if name is None else [{"id": reason, "name": name}]
    return lead(number, status_id=143, loss_reason_id=reason, _embedded={"loss_reason": embedded}, **columns)


def rows(storage: Storage, table: ReferenceTable) -> dict[Any, Row]:
    write_reference_tables([table], storage, "acme")
    with storage.as_local_path(table.rows_name("acme")) as path:
        found = pq.read_table(path).to_pylist()
    return {row["id"] if len(table.key) == 1 else (row["pipeline_id"], row["id"]): row for row in found}


def test_an_id_that_only_leads_name_has_a_row_from_the_beginning_that_nothing_is_known_of(
    storage: Storage,
) -> None:
    capture(storage, night(0), {"users": [{"id": 1, "name": "Анна"}]})
    write_day(storage, lead(1, responsible_user_id=1, updated_by=9), lead(2, responsible_user_id=None, group_id=4))
    found = rows(storage, USERS)

    assert found.keys() == {0, 1, 9}
    unknown = found[9]
    assert (unknown["name"], unknown["first_seen_at"], unknown["valid_from"]) == (None, None, BEGINNING)
    assert (unknown["is_current"], unknown["is_deleted"], unknown["valid_to"]) == (True, False, None)
    assert found[0]["name"] == "Robot"
    assert {row["name"] for row in rows(storage, GROUPS).values()} == {"Default group", None}
    assert (11, 142) in rows(storage, STATUSES)


def test_a_loss_reason_that_no_list_shows_has_the_name_that_the_newest_lead_bore(storage: Storage) -> None:
    capture(storage, night(0), {"loss_reasons": [{"id": 5, "name": "Дорого"}]})
    write_day(storage, lost(1, 5, "Старое имя"), lost(2, 6, "Передумали"), lost(3, 7, None))
    assert rows(storage, REASONS)[6]["name"] == "Передумали"
    newer = {"updated_at": UPDATED_AT + 50}
    unnamed = lost(5, 6, None), lost(6, 6, "", **newer), lost(7, None, "без номера", **newer)
    write_day(storage, lost(4, 6, "Передумал"), *unnamed, day=NEXT)
    names = {number: row["name"] for number, row in rows(storage, REASONS).items()}
    assert names == {5: "Дорого", 6: "Передумал", 7: None}


@pytest.mark.parametrize(
    ("leads", "name"),
    [
        ([(0, None), (0, "of a lead without a time")], "of a lead without a time"),
        ([(9, "of the newest"), (5, "older"), (0, None)], "of the newest"),
        ([(5, "older"), (9, "of the newest")], "of the newest"),
        ([(9, "B"), (9, "A")], "B"),
        ([(9, "A"), (9, "B")], "B"),
    ],
)
def test_the_name_of_an_id_does_not_depend_on_the_order_of_leads(
    leads: list[tuple[int, str | None]], name: str
) -> None:
    ids = seen.SeenIds()
    for at, given in leads:
        ids.add(REASONS.asset, (6,), at, given)
    assert list(ids.placeholders(REASONS.asset)) == [{"id": 6, "name": name}]


def test_a_loss_reason_has_the_name_that_a_lead_without_a_time_bore(storage: Storage) -> None:
    capture(storage, night(0), {})
    keep(storage, [lost(1, 6, "Передумал", updated_at=None)])
    for table in LEADS.tables:
        write_rows(LEADS, storage, source(), DAY, table=table)
    assert rows(storage, REASONS)[6]["name"] == "Передумал"


def test_a_record_that_a_list_shows_later_has_its_own_row_and_is_gone_only_then(storage: Storage) -> None:
    capture(storage, night(0), {"users": []})
    write_day(storage, lead(1, responsible_user_id=9))
    assert rows(storage, USERS)[9]["first_seen_at"] is None
    capture(storage, night(1), {"users": []})
    assert rows(storage, USERS)[9]["is_deleted"] is False
    capture(storage, night(2), {"users": [{"id": 9, "name": "Пров"}]})
    shown = rows(storage, USERS)[9]
    assert (shown["name"], shown["first_seen_at"], shown["valid_from"]) == ("Пров", night(2), BEGINNING)


def test_going_on_equals_making_it_anew_and_looks_into_the_days_of_the_run(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture(storage, night(0), {})
    write_day(storage, lost(1, 6, "Передумал", responsible_user_id=8))
    rows(storage, REASONS)
    write_day(storage, lost(2, 6, "Передумали"), day=NEXT)
    looked: list[Any] = []
    whole = rows_table

    def recorded(table: Any, place: Storage, subdomain: str, day: Any, **columns: Any) -> Any:
        looked.append(day)
        return whole(table, place, subdomain, day, **columns)

    monkeypatch.setattr(seen, "rows_table", recorded)
    gone_on = refresh_seen_ids(storage, "acme", (NEXT, NEXT))
    assert set(looked) == {NEXT}
    for first, last in ((DAY, NEXT), (DAY, DAY), (NEXT, NEXT)):  # days of a run are read again
        looked.clear()
        assert refresh_seen_ids(storage, "acme", (first, last)) == gone_on
        assert set(looked) == {first, last}
    kept = Path(storage.uri(seen_name("acme"))).read_bytes()
    rows(storage, REASONS)
    bytes_of = Path(storage.uri(REASONS.rows_name("acme"))).read_bytes()

    Path(storage.uri(seen_name("acme"))).write_bytes(kept[:-9])  # cut off
    storage.delete(REASONS.rows_name("acme"))
    rows(storage, REASONS)
    assert refresh_seen_ids(storage, "acme", (NEXT, NEXT)) == gone_on
    assert Path(storage.uri(seen_name("acme"))).read_bytes() == kept
    assert Path(storage.uri(REASONS.rows_name("acme"))).read_bytes() == bytes_of


def test_rows_that_cannot_be_read_are_looked_into_once_they_can(storage: Storage) -> None:
    capture(storage, night(0), {})
    write_day(storage, lead(1, responsible_user_id=8))
    path = Path(storage.uri(f"rows/acme/leads/{DAY}.parquet"))
    good = path.read_bytes()
    path.write_bytes(good[:-20])
    assert 8 not in rows(storage, USERS)
    path.write_bytes(good)
    assert 8 in rows(storage, USERS)


def test_a_row_that_is_there_because_leads_name_it_makes_its_id_no_known_one(storage: Storage) -> None:
    capture(storage, night(0), {"users": [{"id": 1, "name": "Анна"}]})
    write_day(storage, lead(1, responsible_user_id=1), lead(2, responsible_user_id=9), lead(3, created_by=0))
    rows(storage, USERS)
    unknown = {each.column: each for each in KnownIds(storage, "acme").unknown(DAY)}
    assert (unknown["responsible_user_id"].count, unknown["responsible_user_id"].example) == (2, "7")
    assert "created_by" not in unknown


def test_an_unknown_stage_without_a_pipeline_is_counted_with_the_others(storage: Storage) -> None:
    capture(storage, night(0), {"pipelines": []})
    write_day(storage, lead(1, pipeline_id=None, status_id=5), lead(2, pipeline_id=1, status_id=4))
    unknown = {each.column: each for each in KnownIds(storage, "acme").unknown(DAY)}
    assert (unknown["status_id"].count, unknown["status_id"].example) == (2, "None / 5")


def test_a_run_that_dies_before_any_of_its_writes_and_is_run_again_gives_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for writes in range(4):
        storage = open_storage(str(tmp_path / str(writes)))
        capture(storage, night(0), {"users": [{"id": 1, "name": "Анна"}]})
        write_day(storage, lost(1, 6, "Передумал", responsible_user_id=9))
        left, whole = iter([None] * writes), type(storage).replace

        def replace(self: Any, name: str, file: Path, left: Any = left, whole: Any = whole) -> None:
            if next(left, "none") == "none":
                raise KeyboardInterrupt
            whole(self, name, file)

        with monkeypatch.context() as patch:
            patch.setattr(type(storage), "replace", replace)
            try:
                write_reference_tables([USERS, REASONS], storage, "acme", days=(DAY, DAY))
                assert writes == 3
            except KeyboardInterrupt:
                assert writes < 3
        write_reference_tables([USERS, REASONS], storage, "acme", days=(NEXT, NEXT))
        names = (seen_name("acme"), USERS.rows_name("acme"), REASONS.rows_name("acme"))
        contents.append([Path(storage.uri(name)).read_bytes() for name in names])
    assert all(each == contents[0] for each in contents)
