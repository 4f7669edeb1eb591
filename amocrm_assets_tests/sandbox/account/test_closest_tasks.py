"""`closest_task_at` is the earliest deadline of the open tasks that the sandbox lists, and moves nothing else."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.sandbox.account.history import BEGINNING
from amocrm_assets_tests.accounts import DAY, leads_of, sandbox_with
from amocrm_assets_tests.sandbox.account.test_linked import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox

NOW = BEGINNING + 40 * 86_400 + 40_000


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(frozen_at=NOW, populations=None, leads_per_day=10) as running:
        yield running


def deadlines(sandbox: Sandbox, about: str) -> dict[int, int]:
    """The earliest deadline of open tasks, by what they are about."""
    found = defaultdict(list)
    for task in listed(sandbox, "tasks", limit="250"):
        if not task["is_completed"] and task["entity_type"] == about:
            found[task["entity_id"]].append(task["complete_till"])
    return {record: min(times) for record, times in found.items()}


def agree(sandbox: Sandbox, name: str) -> int:
    """How many records of a list have an open task, after a comparison of them all."""
    closest, shown = deadlines(sandbox, name), listed(sandbox, name, limit="250")
    assert {each["id"]: each["closest_task_at"] for each in shown} == {
        each["id"]: closest.get(each["id"]) for each in shown
    }
    return sum(each["closest_task_at"] is not None for each in shown)


@pytest.mark.parametrize("name", ["leads", "contacts"])
def test_it_follows_from_the_open_tasks_as_time_goes_on(name: str, sandbox: Sandbox) -> None:
    for _ in range(4):
        assert agree(sandbox, name) > 10
        sandbox.clock.advance(11 * 3_600)


def test_leads_that_were_loaded_have_tasks_from_the_start() -> None:
    with sandbox_with(leads_of(DAY, 60)) as sandbox:
        assert agree(sandbox, "leads") > 10


def test_tasks_that_are_changed_by_hand_count_at_once_and_leave_updated_at_alone(sandbox: Sandbox) -> None:
    closest, stamps = deadlines(sandbox, "leads"), sandbox.account.stamps()
    tasks = [
        each
        for each in listed(sandbox, "tasks", limit="250")
        if not each["is_completed"] and closest.get(each["entity_id"]) == each["complete_till"]
    ]
    live = [each for each in tasks if each["entity_id"] in stamps]
    put_off, done, deleted, moved_on = live[:4]
    sandbox.tasks.edit(put_off["id"], complete_till=put_off["complete_till"] + 1)
    sandbox.tasks.edit(done["id"], is_completed=True)
    sandbox.tasks.delete(deleted["id"])
    sandbox.tasks.edit(moved_on["id"], text="x")
    assert sandbox.account.stamps() == stamps
    assert agree(sandbox, "leads") > 10
    sandbox.clock.advance(3 * 86_400)
    assert agree(sandbox, "leads") > 10


def test_a_value_that_was_set_by_hand_stays(sandbox: Sandbox) -> None:
    lead_id = next(iter(sandbox.account.stamps()))
    sandbox.account.edit(lead_id, closest_task_at=17)
    lead = sandbox.account.lead(lead_id)
    assert lead is not None
    assert lead["closest_task_at"] == 17
