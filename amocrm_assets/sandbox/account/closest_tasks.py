"""When the next task of a lead or a contact is due: `closest_task_at`, the earliest deadline of its open tasks.

It is computed from the tasks for each response. Creating or completing a task does not change the `updated_at`
of its lead or contact: amoCRM does not document that it does, so a client that relies on it must fail here.
No lock is taken, since the caller holds the account's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.links import tasks_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.sandbox.account.account import Account
    from amocrm_assets.sandbox.account.clock import Clock
    from amocrm_assets.sandbox.account.follow_ups import FollowUps
    from amocrm_assets.sandbox.account.table import LeadVersion
    from amocrm_assets.sandbox.account.tasks import Tasks

Json = dict[str, Any]


class ClosestTasks:
    """Deadlines by what tasks are about. `content` is that of `tasks`."""

    def __init__(self, account: Account, clock: Clock, tasks: FollowUps, content: Tasks) -> None:
        self._account = account
        self._clock = clock
        self._tasks = tasks
        self._content = content

    def of_lead(self, lead: LeadVersion) -> int | None:
        """The next deadline of a lead."""
        return min(self._deadlines([lead], ("leads", lead.id)), default=None)

    def of_contact(self, contact_id: int, leads: Iterable[LeadVersion]) -> int | None:
        """The next deadline of a contact, whose tasks are set with those of its leads."""
        return min(self._deadlines(leads, ("contacts", contact_id)), default=None)

    def _deadlines(self, leads: Iterable[LeadVersion], about: tuple[str, int]) -> list[int]:
        now, seed = self._clock.seconds(), self._account.options.seed
        return [
            at
            for lead in leads
            for task_id in tasks_of(lead.id, seed)
            if (at := self._deadline(task_id, lead, about, now)) is not None
        ]

    def _deadline(self, task_id: int, lead: LeadVersion, about: tuple[str, int], now: int) -> int | None:
        task = self._tasks.changed_by_hand(task_id)
        if task is not None:
            is_pending = task and not task["is_completed"] and (task["entity_type"], task["entity_id"]) == about
            return int(task["complete_till"]) if is_pending else None
        if self._content.about(task_id) != about:
            return None
        # Leads that were loaded have their tasks from the start, and time changes nothing about those.
        ages = self._account.is_alive
        made_at = lead.created_at + (self._content.delay(task_id) if ages else 0)
        return self._content.open_deadline(task_id, made_at, now, ages=ages)
