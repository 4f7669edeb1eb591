"""When processes are started for the rows of many days, how many, and what comes of one that ends."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import TransientError
from amocrm_assets.rows import RowsWritten, many_days
from amocrm_assets.rows.many_days import write_many_days
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import FreeTime
from amocrm_assets_tests.companies_lite import COMPANIES
from amocrm_assets_tests.rows.days import DAY, source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from amocrm_assets.entities import Entity
    from amocrm_assets.storage import Storage

DAYS = [DAY + timedelta(days=number) for number in range(6)]
WRITTEN = RowsWritten("there", 1, 1, 1.0, (), (), (), {})


class Processes:
    """Stands for `subprocess.Popen`: processes that answer so many days, and end with a status."""

    def __init__(self, answers: int = 0, status: int = 1, *, answer: object = WRITTEN) -> None:
        self.started: list[Any] = []
        self._results = pickle.dumps(answer) * answers
        self._status = status

    def __call__(self, command: list[str], **_: Any) -> Any:
        process = _Process(self._results, self._status)
        self.started.append(process)
        assert command[1:] == ["-m", "amocrm_assets.rows.day_worker"]
        return process


class _Process:
    def __init__(self, results: bytes, status: int) -> None:
        self.stdin, self.stdout, self._status = BytesIO(), BytesIO(results), status
        self.kills = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self) -> int:
        return self._status

    def kill(self) -> None:
        self.kills += 1


@dataclass
class Machine:
    """A machine on which the rows of a day take so many seconds."""

    clock: FreeTime
    monkeypatch: pytest.MonkeyPatch
    storage: Storage

    def made(
        self,
        processes: Processes,
        *,
        entity: Entity = LEADS,
        days: int = 6,
        cores: int | None = 2,
        seconds: Sequence[float] = (60.0,) * 6,
    ) -> list[str]:
        """Where each day was made, or its error."""
        each_day = iter(seconds)

        def write_rows(*_: Any, **__: Any) -> RowsWritten:
            self.clock.now += next(each_day)
            return RowsWritten("here", 1, 1, 1.0, (), (), (), {})

        self.monkeypatch.setattr(many_days, "write_rows", write_rows)
        self.monkeypatch.setattr("subprocess.Popen", processes)
        if cores is not None:
            # Of this process, which is 0; others may use other cores.
            self.monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(9 if process else cores)))
        found: list[tuple[date, str]] = []
        with closing(write_many_days(entity, self.storage, source(), DAYS[:days], table=entity.table)) as written:
            for day, result in written:
                try:
                    found.append((day, result().name))
                except TransientError as error:
                    found.append((day, error.cause))
        assert [day for day, _ in found] == DAYS[:days]
        assert all(each.kills for each in processes.started)
        return [where for _, where in found]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    clock = FreeTime()
    monkeypatch.setattr("amocrm_assets.rows.many_days.time.perf_counter", clock.clock)
    return Machine(clock=clock, monkeypatch=monkeypatch, storage=open_storage(str(tmp_path)))


@pytest.mark.parametrize(
    ("days", "cores", "started"), [(1, 8, 0), (2, 8, 0), (3, 8, 2), (6, 3, 3), (6, 8, 4), (6, 1, 0), (0, 8, 0)]
)
def test_there_is_a_process_for_each_core_and_for_each_day_that_is_left(
    machine: Machine, days: int, cores: int, started: int
) -> None:
    processes = Processes(answers=9)
    made = machine.made(processes, days=days, cores=cores)
    assert len(processes.started) == started
    assert made == (["here", *["there"] * (days - 1)] if started else ["here"] * days)


@pytest.mark.parametrize(("seconds", "started"), [(1.2, 0), (1.25, 2), (0.0, 0)])
def test_processes_are_started_if_the_days_that_are_left_take_more_than_six_seconds(
    machine: Machine, seconds: float, started: int
) -> None:
    assert many_days.MIN_SECONDS == 6.0
    processes = Processes(answers=9)
    machine.made(processes, seconds=[seconds] * 6)
    assert len(processes.started) == started


def test_the_time_for_all_days_so_far_decides(machine: Machine) -> None:
    # One second for the first day leaves five; six seconds for two leave twelve.
    assert machine.made(Processes(answers=9), seconds=[1.0, 5.0]) == ["here", "here", *["there"] * 4]


def test_all_cores_count_where_the_system_does_not_tell_which_ones_may_be_used(machine: Machine) -> None:
    machine.monkeypatch.setattr(os, "sched_getaffinity", None)
    for count, started in ((None, 0), (1, 0), (3, 3)):
        machine.monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        processes = Processes(answers=9)
        machine.made(processes, cores=None)
        assert len(processes.started) == started


def test_days_are_made_here_if_a_process_would_not_know_the_entity_or_no_interpreter_is_known(
    machine: Machine,
) -> None:
    assert machine.made(Processes(answers=9), entity=COMPANIES) == ["here"] * 6
    machine.monkeypatch.setattr("sys.executable", "")
    assert machine.made(Processes(answers=9)) == ["here"] * 6


def test_an_error_that_a_process_answers_with_is_raised(machine: Machine) -> None:
    error = TransientError("Reading", cause="its storage is away.", fix="Retry.")
    assert machine.made(Processes(answers=9, answer=error)) == ["here", *["its storage is away."] * 5]


KILLED = "the process that made them ended with status -9: it was killed, probably because memory ran out."


@pytest.mark.parametrize(
    ("answers", "status", "outcome"),
    [
        (0, 1, "here"),
        (0, -9, KILLED),
        (0, 0, "the process that made them ended with status 0."),
        (1, 1, "the process that made them ended with status 1."),
        (1, -9, KILLED),
    ],
)
def test_a_day_is_made_here_if_its_process_could_not_start_and_fails_if_it_ended_otherwise(
    machine: Machine, answers: int, status: int, outcome: str
) -> None:
    made = machine.made(Processes(answers, status))
    # Which of the days that are made at one time reaches which process is open.
    assert made[0] == "here"
    assert Counter(made[1:]) == Counter({"there": 2 * answers, outcome: 5 - 2 * answers})
