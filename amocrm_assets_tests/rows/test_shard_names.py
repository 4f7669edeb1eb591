"""Names beside the ids of rows: as of the row's time, or the earliest known, and a function of captures alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows import rows_name, write_rows
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.rows.shard_names import NamesAsOf, shard_rows
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.rows.days import DAY, keep, lead, source
from amocrm_assets_tests.rows.reference.readings import capture, night

WANTED = source(leads_status_name=True, import_reference=True)
Row = dict[str, Any]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def read_stages(storage: Storage, number: int, *stages: tuple[int, str], pipeline: int = 3) -> None:
    """A reading of the lists on that night, in which the pipeline has these stages."""
    statuses = [{"id": each, "name": name, "type": 0} for each, name in stages]
    capture(
        storage, night(number), {"pipelines": [{"id": pipeline, "name": "P", "_embedded": {"statuses": statuses}}]}
    )
    write_reference_tables([reference_table("amoCrmStatuses")], storage, "acme")


def write_leads(storage: Storage, *leads: Row) -> None:
    keep(storage, list(leads))
    write_rows(LEADS, storage, WANTED, DAY)


def at(number: int, status: int | None, updated_at: int | None, **columns: Any) -> Row:
    return lead(number, **{"status_id": status, "pipeline_id": 3, "updated_at": updated_at, **columns})


def named(storage: Storage) -> dict[int, str | None]:
    with shard_rows(LEADS.table, storage, WANTED) as rows:
        name, count = rows.of(DAY)
        with storage.as_local_path(name) as path:
            found = pq.read_table(path)
    assert found.schema.equals(arrow_schema(LEADS.table.for_shards(WANTED)))
    assert found.num_rows == count
    return dict(zip(found["id"].to_pylist(), found["status_name"].to_pylist(), strict=True))


def test_a_row_has_the_name_that_its_stage_had_when_it_was_updated(storage: Storage) -> None:
    second = lead(1)["updated_at"]
    days = (night(0).timestamp() - second) // 86_400
    read_stages(storage, -int(days) - 3, (11, "first"))
    write_leads(storage, at(1, 11, second))
    assert named(storage) == {1: "first"}
    read_stages(storage, -int(days) + 3, (11, "renamed afterwards"))
    assert named(storage) == {1: "first"}


def test_a_rename_holds_from_the_second_in_which_it_was_seen(storage: Storage) -> None:
    read_stages(storage, 0, (11, "old"))
    read_stages(storage, 1, (11, "new"))
    history = reference_table("amoCrmStatuses")
    seen = int(night(1).timestamp())
    with storage.as_local_path(history.rows_name("acme")) as path:
        versions = pq.read_table(path).select(["pipeline_id", "id", "name", "valid_from"])
    wanted = LEADS.table.shard_name_column
    assert wanted is not None
    rows = pa.table(
        {"pipeline_id": [3] * 4, "status_id": [11] * 4, "updated_at": [0, seen - 1, seen, None]},
        schema=arrow_schema(LEADS.table, ["pipeline_id", "status_id", "updated_at"]),
    )
    assert NamesAsOf(wanted, versions).of(rows, "updated_at").to_pylist() == ["old", "old", "new", "old"]

    # Seen in the middle of a second, it was not there yet when that second began.
    later = [each + timedelta(milliseconds=500) for each in versions["valid_from"].to_pylist()]
    column = versions.column_names.index("valid_from")
    versions = versions.set_column(column, versions.schema.field("valid_from"), [later])
    assert NamesAsOf(wanted, versions).of(rows, "updated_at").to_pylist() == ["old", "old", "old", "old"]


def test_ids_that_no_list_has_shown_have_no_name_and_are_counted(storage: Storage) -> None:
    read_stages(storage, 0, (11, "known"), (142, "won"))
    read_stages(storage, 1, (11, "known"), (142, "won of five"), pipeline=5)
    second = lead(1)["updated_at"]
    write_leads(
        storage,
        at(1, 11, second),
        at(2, 12, second),
        at(3, None, second),
        at(4, 142, second),
        at(5, 142, second, pipeline_id=5),
        at(6, 142, second, pipeline_id=None),
    )
    with shard_rows(LEADS.table, storage, WANTED) as rows:
        rows.of(DAY)
        assert rows.nameless == {DAY: 2}
    assert named(storage) == {1: "known", 2: None, 3: None, 4: "won", 5: "won of five", 6: None}


def test_the_column_stands_behind_the_ids_and_rows_are_otherwise_the_same(storage: Storage) -> None:
    read_stages(storage, 0, (11, "known"))
    write_leads(storage, at(1, 11, lead(1)["updated_at"]), at(2, 12, lead(1)["updated_at"]))
    names = LEADS.table.for_shards(WANTED).column_names
    assert names[names.index("status_id") + 1] == "status_name"
    with shard_rows(LEADS.table, storage, WANTED) as rows, storage.as_local_path(rows.of(DAY)[0]) as path:
        made, once = pq.read_table(path), path.read_bytes()
    with storage.as_local_path(rows_name(LEADS.table, "acme", DAY)) as path:
        assert made.drop_columns("status_name").equals(pq.read_table(path))
    with shard_rows(LEADS.table, storage, WANTED) as rows, storage.as_local_path(rows.of(DAY)[0]) as path:
        assert path.read_bytes() == once


def test_nothing_is_left_of_the_files_that_a_load_needs(storage: Storage) -> None:
    write_leads(storage, at(1, 11, lead(1)["updated_at"]))
    left = "rows/acme/amoCrmLeads/2020-01-01.parquet"  # of a run that was killed
    with storage.temp_file(left) as path:
        path.write_bytes(b"x")
        storage.replace(left, path)
    with storage.temp_file(left) as half, shard_rows(LEADS.table, storage, WANTED) as rows:
        assert not half.exists()
        name, _ = rows.of(DAY)
        assert storage.names("rows/acme/amoCrmLeads") == [name]
    assert storage.names("rows/acme/amoCrmLeads") == []


def test_a_source_that_wants_no_names_loads_its_rows_as_they_are(storage: Storage) -> None:
    write_leads(storage, at(1, 11, lead(1)["updated_at"]))
    with shard_rows(LEADS.table, storage, source()) as rows:
        assert rows.of(DAY) == (rows_name(LEADS.table, "acme", DAY), 1)
        assert rows.table is LEADS.table
        with pytest.raises(ActionRequired):
            rows.of(DAY.replace(year=2020))
