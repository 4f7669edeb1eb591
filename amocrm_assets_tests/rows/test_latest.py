"""Which versions are kept while captures are read, in batches of which size, and which one of them is picked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from amocrm_assets.rows import latest, merge
from amocrm_assets.rows.latest import CapturedIds, stub_test
from amocrm_assets_tests.rows.days import UPDATED_AT, lead, line, merged, stub
from amocrm_assets_tests.rows.test_lead_details import full, rows_of

Version = dict[str, Any]
LEADS = [lead(number) for number in range(100, 150)]


def kept(*captures: list[Version]) -> list[int]:
    """How many versions are in each batch in memory."""
    return [batch.num_rows for batch in merged(*captures).versions.batches]


def at(seconds: int, *, number: int = 1) -> Version:
    return lead(number, updated_at=UPDATED_AT + seconds)


@pytest.mark.parametrize("limit", ["records", "bytes"])
def test_versions_are_kept_in_batches_of_so_many_records_or_bytes(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    size_bytes = len(line(LEADS[0]))
    factor = {"records": (1, 10**9), "bytes": (1000, size_bytes)}[limit]
    monkeypatch.setattr(merge, "_LINES", 2)
    monkeypatch.setattr(latest, "_BATCH_RECORDS", 4 * factor[0])
    monkeypatch.setattr(latest, "_KEPT_RECORDS", 12 * factor[0] ** 2)
    monkeypatch.setattr(latest, "_BATCH_BYTES", 4 * factor[1])
    monkeypatch.setattr(latest, "_KEPT_BYTES", 12 * factor[1])
    assert kept(LEADS) == [12, 12, 12, 12, 2]


def test_few_versions_are_one_batch() -> None:
    assert kept(LEADS) == [50]
    assert kept([], LEADS[:20], LEADS[20:]) == [50]
    assert kept([]) == []


def test_a_version_that_a_newer_capture_has_or_supersedes_needs_no_memory() -> None:
    assert sum(kept([at(5)], [at(5)], [at(5)])) == 1
    assert sum(kept([at(3)], [at(5)], [at(4)])) == 2
    assert sum(kept([at(9)], [at(5)], [at(4)])) == 3
    # Within one capture the later line wins, so all are kept.
    assert sum(kept([at(5), at(5)])) == 2
    # A stub supersedes stubs only.
    gone = stub(1, updated_at=UPDATED_AT + 9)
    assert sum(kept([at(5), gone], [gone])) == 2


def test_of_a_record_that_several_older_captures_have_the_newest_one_is_compared() -> None:
    # The second capture has an older version; the third one is compared with the first one's.
    assert sum(kept([at(4)], [at(3)], [at(5)])) == 1
    assert sum(kept([at(4)], [at(7), at(2)], [at(5)])) == 2


def test_a_newer_version_without_details_is_not_superseded_by_an_older_whole_one() -> None:
    (row,) = rows_of([at(6)], [full(1, updated_at=UPDATED_AT + 5)])
    assert (row["updated_at"], row["contacts"]) == (UPDATED_AT + 6, [])


def test_a_whole_version_replaces_one_of_its_own_record_and_time_only() -> None:
    other = full(2, updated_at=UPDATED_AT + 5)
    rows = rows_of([full(1, updated_at=UPDATED_AT + 4), other], [at(5), at(5, number=2)])
    assert [len(row["contacts"]) for row in rows] == [0, 2]


def test_a_deleted_version_is_neither_replaced_nor_does_it_replace_one() -> None:
    whole, partial = full(1, updated_at=UPDATED_AT + 5), at(5)
    deleted = {"is_deleted": True}
    assert rows_of([whole], [partial | deleted])[0]["contacts"] == []
    assert rows_of([whole | deleted], [partial])[0]["contacts"] == []
    assert len(rows_of([whole], [partial])[0]["contacts"]) == 2


def test_repeated_ids_are_removed_once_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "_IDS_GATHERED", 10)
    ids = CapturedIds()
    ids.add([7] * 10)
    assert len(ids) == 10
    ids.add([7])
    assert len(ids) == 1
    # From now on it may grow to twice the number of distinct ids, and ten more.
    ids.add([8] * 11)
    assert len(ids) == 12
    ids.add([8])
    assert (len(ids), ids.sorted().tolist()) == (2, [7, 8])


@pytest.mark.parametrize(
    ("is_deleted", "status_id", "fields", "is_stub"),
    [
        (True, None, None, True),
        (True, None, [], True),
        (True, 0, None, False),
        (True, None, [1], False),
        (False, None, None, False),
        (None, None, None, False),
    ],
)
def test_a_stub_is_deleted_and_has_none_of_the_columns(
    *, is_deleted: bool | None, status_id: int | None, fields: Any, is_stub: bool
) -> None:
    record = cast("Any", SimpleNamespace(is_deleted=is_deleted, status_id=status_id, fields=fields))
    assert stub_test(("status_id", "fields"))(record) is is_stub
    # Without such columns nothing is a stub, whether records can be deleted or not.
    assert stub_test(())(record) is False
    assert stub_test(())(cast("Any", SimpleNamespace())) is False
