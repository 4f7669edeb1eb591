"""The rows of the table of loads: a function of what the warehouse holds and of what captures say."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.captures import CaptureWriter, ReadingFinding, all_captures, read_findings
from amocrm_assets.entities import COMPANIES, LEADS, Entity
from amocrm_assets.entities.loads import LOADS, HeldTable
from amocrm_assets.entities.reference import REFERENCE
from amocrm_assets.rows import loads
from amocrm_assets.rows.loads import LoadsWritten, write_loads
from amocrm_assets.rows.seal import sealed_file
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.rows.days import DAY, capture_header
from amocrm_assets_tests.rows.reference.readings import capture as capture_lists
from amocrm_assets_tests.rows.reference.readings import night

NEXT = DAY + timedelta(days=1)
LOADED_AT = datetime(2026, 1, 2, 0, 31, 5, 250_000, tzinfo=UTC)
COSTLY = ReadingFinding(record_list="leads", kind="filters_ignored", may_miss=False, cause="c", fix="f")
UNPROVEN = ReadingFinding(record_list="leads", kind="only_deleted_ignored", may_miss=True, cause="c", fix="f")
Row = dict[str, Any]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "storage"))


def read_day(
    storage: Storage,
    *findings: ReadingFinding,
    day: date = DAY,
    number: int = 0,
    tells: bool | None = True,
    entity: Entity = LEADS,
) -> str:
    """Keep a reading of a day that has ended with these findings."""
    writer = CaptureWriter(entity, storage, capture_header(number, day=day, tells_findings=tells))
    return writer.publish(findings).name


def held(name: str, count: int = 3, at: datetime | None = LOADED_AT) -> HeldTable:
    return HeldTable(f"{name}_acme" if "_acme" not in name else name, count, at)


def shard(day: date, name: str = "amoCrmLeads", count: int = 3) -> HeldTable:
    return held(f"{name}_acme_{day:%Y%m%d}", count)


def rows(storage: Storage, *tables: HeldTable) -> dict[tuple[str, date | None], Row]:
    written = write_loads(storage, "acme", tables)
    with storage.as_local_path(written.name) as path:
        found = pq.read_table(path)
    assert found.schema.remove_metadata().equals(arrow_schema(LOADS))
    assert found.num_rows == written.row_count
    return {(row["table"], row["day"]): row for row in found.to_pylist()}


def test_a_shard_has_the_warehouses_count_and_time_and_the_word_of_its_newest_reading(storage: Storage) -> None:
    read_day(storage, UNPROVEN)
    read_day(storage, COSTLY, number=1)
    read_day(storage, UNPROVEN, day=NEXT, number=25)
    found = rows(storage, shard(DAY), shard(DAY, "amoCrmLeadDetails", 4), shard(NEXT, count=0))

    assert found["amoCrmLeads", DAY] == {
        "table": "amoCrmLeads",
        "day": DAY,
        "rows": 3,
        "captured_at": datetime(2026, 1, 2, 1, tzinfo=UTC),
        "loaded_at": LOADED_AT,
        "is_complete": True,
        "findings": [{"list": "leads", "kind": "filters_ignored", "may_miss": False, "cause": "c", "fix": "f"}],
    }
    assert found["amoCrmLeadDetails", DAY] == found["amoCrmLeads", DAY] | {"table": "amoCrmLeadDetails", "rows": 4}
    assert (found["amoCrmLeads", NEXT]["rows"], found["amoCrmLeads", NEXT]["is_complete"]) == (0, False)
    assert [each["kind"] for each in found["amoCrmLeads", NEXT]["findings"]] == ["only_deleted_ignored"]


def test_what_a_capture_does_not_tell_is_unknown_and_a_damaged_one_is_not_complete(storage: Storage) -> None:
    read_day(storage, tells=None)
    damaged = read_day(storage, day=NEXT)
    Path(storage.uri(damaged)).write_bytes(b"no gzip")
    found = rows(storage, shard(DAY), shard(NEXT), shard(NEXT, "amoCrmCompanies"), shard(DAY, "amoCrmNew"))

    assert found["amoCrmNew", DAY]["captured_at"] is None
    assert found["amoCrmLeads", DAY]["is_complete"] is None
    assert found["amoCrmLeads", DAY]["captured_at"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert found["amoCrmLeads", NEXT]["is_complete"] is False
    assert [each["kind"] for each in found["amoCrmLeads", NEXT]["findings"]] == ["capture_damaged"]
    nothing = found["amoCrmCompanies", NEXT]
    assert (nothing["captured_at"], nothing["is_complete"], nothing["findings"]) == (None, None, [])


def test_tables_without_days_have_the_reading_of_the_lists_or_of_their_days(storage: Storage) -> None:
    capture_lists(storage, night(0), {}, incomplete=["users"])
    read_day(storage)
    read_day(storage, COSTLY, day=NEXT)
    made = [held("amoCrmLeadsLatest", at=None), held("amoCrmLeadStages")]
    whole = [held("amoCrmUsers"), held("amoCrmStatuses"), held("amoCrmOther"), *made]
    found = rows(storage, shard(DAY), shard(NEXT), *whole)

    assert found["amoCrmUsers", None]["captured_at"] == night(0)
    assert found["amoCrmUsers", None]["is_complete"] is False
    assert found["amoCrmStatuses", None]["is_complete"] is True
    flat = found["amoCrmLeadsLatest", None]
    assert (flat["is_complete"], flat["loaded_at"]) == (True, None)
    assert flat["captured_at"] == max(found["amoCrmLeads", day]["captured_at"] for day in (DAY, NEXT))
    assert found["amoCrmOther", None]["captured_at"] is None
    read_day(storage, UNPROVEN, day=NEXT, number=40)
    found = rows(storage, shard(DAY), shard(NEXT), *whole)
    assert found["amoCrmLeadsLatest", None]["is_complete"] is False
    assert found["amoCrmLeadStages", None]["is_complete"] is False


def test_other_accounts_and_other_names_have_no_row(storage: Storage) -> None:
    names = [
        "amoCrmLeads_other_20260101",
        "amoCrmLoads_acme",
        "amoCrmLeads_acme_20260230",
        "my_acme",
        "amoCrmLeads_acme_1",
    ]
    assert rows(storage, *(HeldTable(name, 1, LOADED_AT) for name in names)) == {}


def test_a_table_that_is_gone_has_no_row_and_a_day_whose_capture_is_gone_keeps_its_word(storage: Storage) -> None:
    name = read_day(storage, UNPROVEN)
    before = rows(storage, shard(DAY), shard(NEXT))
    storage.delete(name)
    assert rows(storage, shard(DAY)) == {("amoCrmLeads", DAY): before["amoCrmLeads", DAY]}


def test_going_on_equals_making_it_anew_and_looks_into_new_captures_alone(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_day(storage, COSTLY)
    rows(storage, shard(DAY))
    read_day(storage, UNPROVEN, day=NEXT)
    read_day(storage, day=NEXT, entity=COMPANIES)
    looked: list[str] = []
    whole = read_findings

    def recorded(place: Storage, name: str) -> tuple[ReadingFinding, ...]:
        looked.append(name)
        return whole(place, name)

    monkeypatch.setattr(loads, "read_findings", recorded)
    tables = (shard(DAY), shard(NEXT), shard(NEXT, "amoCrmLeadDetails"), shard(NEXT, "amoCrmCompanies"))
    rows(storage, *tables)
    kept = Path(storage.uri(LOADS.rows_name("acme"))).read_bytes()
    assert len(looked) == 2

    file = Path(storage.uri(LOADS.rows_name("acme")))
    for left in (None, kept[:-50]):
        file.unlink() if left is None else file.write_bytes(left)
        rows(storage, *tables)
        assert file.read_bytes() == kept


def test_a_run_that_dies_while_writing_and_is_run_again_gives_the_same(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_day(storage, COSTLY)
    copy = shutil.copytree(tmp_path / "storage", tmp_path / "copy")
    with monkeypatch.context() as patch:
        patch.setattr(type(storage), "replace", _dies)
        with pytest.raises(KeyboardInterrupt):
            write_loads(storage, "acme", [shard(DAY)])
    again = write_loads(storage, "acme", [shard(DAY)])
    assert again == LoadsWritten(LOADS, LOADS.rows_name("acme"), 1, 0)
    write_loads(open_storage(str(copy)), "acme", [shard(DAY)])
    assert Path(storage.uri(again.name)).read_bytes() == (copy / again.name).read_bytes()


def test_rows_are_sorted_by_table_and_day_and_a_table_without_days_comes_first(storage: Storage) -> None:
    days = [DAY + timedelta(days=number) for number in (2, 0, 1)]
    tables = [
        shard(days[0]),
        shard(days[1], "amoCrmA"),
        *map(shard, days[1:]),
        held("amoCrmLeads"),
        held("amoCrmB"),
    ]
    leads = [("amoCrmLeads", day) for day in (None, *sorted(days))]
    assert list(rows(storage, *tables)) == [("amoCrmA", DAY), ("amoCrmB", None), *leads]


def test_a_flat_table_whose_shards_are_gone_keeps_its_word_and_is_unknown_without_one(storage: Storage) -> None:
    flat = held("amoCrmLeadsLatest")
    assert rows(storage, flat)["amoCrmLeadsLatest", None]["is_complete"] is None
    read_day(storage)
    before = rows(storage, flat, shard(DAY))["amoCrmLeadsLatest", None]
    assert before["is_complete"] is True
    assert rows(storage, flat) == {("amoCrmLeadsLatest", None): before}


def test_a_file_of_an_earlier_version_is_written_anew_and_what_a_killed_run_left_is_removed(
    storage: Storage,
) -> None:
    name, schema = LOADS.rows_name("acme"), arrow_schema(LOADS)
    earlier = pa.schema([each for each in schema if each.name != "findings"])
    with sealed_file(storage, name, earlier) as writer:
        writer.write_table(pa.Table.from_pylist([{"table": "amoCrmLeads", "day": DAY, "rows": 5}], schema=earlier))
    with storage.temp_file(name) as left:
        assert rows(storage, shard(DAY))["amoCrmLeads", DAY]["rows"] == 3
        assert not left.exists()


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("without", "incomplete", "is_complete"),
    [
        ([], [], True),
        (["leads_custom_fields"], [], None),
        (["leads_custom_fields"], ["contacts_custom_fields"], False),
        ([], ["contacts_custom_fields"], False),
        (["users"], ["loss_reasons"], True),
    ],
)
def test_a_table_of_lists_is_complete_if_each_of_them_was_read_completely(
    storage: Storage, without: list[str], incomplete: list[str], *, is_complete: bool | None
) -> None:
    capture_lists(storage, night(0), {}, incomplete=["contacts_custom_fields"])
    capture_lists(storage, night(1), {})
    capture_lists(storage, night(2), {}, without=without, incomplete=incomplete)
    found = rows(storage, held("amoCrmCustomFields"))["amoCrmCustomFields", None]
    assert (found["captured_at"], found["is_complete"]) == (night(2), is_complete)


def test_lists_that_were_never_read_have_no_reading(storage: Storage) -> None:
    assert all_captures(REFERENCE, storage, "acme") == []
    assert rows(storage, held("amoCrmUsers"))["amoCrmUsers", None]["captured_at"] is None
