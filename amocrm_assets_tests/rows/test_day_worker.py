"""What a process that makes the rows of days answers, without a process."""

from __future__ import annotations

import os
import pickle
import signal
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired, CapturesMixed
from amocrm_assets.rows import RowsWritten, day_worker, rows_name
from amocrm_assets.rows.day_worker import DayTask, main, serve
from amocrm_assets_tests.rows.days import DAY, keep, lead, source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.captures.finding import CapturesByDay
    from amocrm_assets.entities import Table
    from amocrm_assets.storage import Storage

NEXT = DAY + timedelta(days=1)


class Flushed(BytesIO):
    """Remembers how much a reader at the other end could have read at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[int] = []

    def flush(self) -> None:
        self.at.append(self.tell())


def answered(
    storage: Storage, *days: object, table: Table = LEADS.table, others: CapturesByDay | None = None
) -> tuple[list[Any], Flushed]:
    task = DayTask("leads", table.asset, storage, source(), others)
    results = Flushed()
    serve(BytesIO(b"".join(map(pickle.dumps, (task, *days)))), results)
    size_bytes = results.tell()
    results.seek(0)
    found = []
    while results.tell() < size_bytes:
        found.append(pickle.load(results))  # noqa: S301
    return found, results


def test_each_day_is_answered_before_the_next_one_is_read(storage: Storage) -> None:
    keep(storage, [lead(1), lead(2)])
    keep(storage, [], day=NEXT)
    found, results = answered(storage, DAY, NEXT)
    assert [(type(each), each.row_count) for each in found] == [(RowsWritten, 2), (RowsWritten, 0)]
    assert len(set(results.at)) == len(found)
    assert answered(storage)[0] == []


@pytest.mark.parametrize("table", LEADS.tables, ids=lambda table: table.asset)
def test_the_rows_are_those_of_the_table_that_the_task_names(storage: Storage, table: Table) -> None:
    keep(storage, [lead(1)])
    ((written,), _) = answered(storage, DAY, table=table)
    assert written.name == rows_name(table, "acme", DAY)


def test_a_day_that_fails_is_answered_with_its_error_and_the_next_one_is_made(storage: Storage) -> None:
    keep(storage, [lead(1)], day=NEXT)
    (error, written), _ = answered(storage, DAY, NEXT)
    assert isinstance(error, ActionRequired)
    (note,) = error.__notes__
    assert note.startswith("In the process that made the day:\nTraceback")
    assert written.row_count == 1


def test_what_a_library_prints_does_not_mix_with_the_results_and_ctrl_c_is_left_to_the_parent(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def printing(*_: object, **__: object) -> str:
        os.write(1, b"printed")
        return "written"

    sent = BytesIO(pickle.dumps(DayTask("leads", "leads", storage, source(), None)) + pickle.dumps(DAY))
    monkeypatch.setattr(day_worker, "write_rows", printing)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=sent))
    before, saved = signal.getsignal(signal.SIGINT), {each: os.dup(each) for each in (0, 1, 2)}
    try:
        for number, name in ((1, "results"), (2, "errors")):
            with (tmp_path / name).open("wb") as file:
                os.dup2(file.fileno(), number)
        main()
        during = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
    assert during == signal.SIG_IGN
    assert (tmp_path / "results").read_bytes() == pickle.dumps("written")
    assert (tmp_path / "errors").read_bytes() == b"printed"


def test_captures_of_other_days_are_those_that_were_listed_before(storage: Storage) -> None:
    keep(storage, [lead(1)])
    keep(storage, [lead(2)], day=NEXT, zone="Asia/Tokyo", account_id=5)
    ((error,), _) = answered(storage, DAY)
    assert isinstance(error, CapturesMixed)
    ((written,), _) = answered(storage, DAY, others={NEXT: []})
    assert len(written.captures) == 1
