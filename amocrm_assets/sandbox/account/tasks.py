"""The content of tasks of a lead or its contact, completed in time, late or never."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account import sample_texts
from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.links import contacts_of, lead_of_task
from amocrm_assets.sandbox.account.reference import TASK_TYPES

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.leads import Leads
    from amocrm_assets.sandbox.account.table import LeadVersion
    from amocrm_assets.sandbox.options import SandboxOptions

Json = dict[str, Any]
_HOUR, _DAY = 3_600, 86_400
# Every sixth is never done, every fortieth is deleted after two days, every fifth is first postponed by two days.
_NEVER_DONE, _DELETED, _PUT_OFF = 6, 40, 5


class Tasks:
    """Content of every task of one account. The last revision of a task is that it is done."""

    kind = "tasks"

    def __init__(self, options: SandboxOptions, leads: Leads) -> None:
        self._options = options
        self._users = leads.users
        seed = mixed(options.seed, options.account_id)
        # Showing a lead needs several values of each of its tasks.
        self._drawn = lru_cache(maxsize=64)(partial(mixed, seed))

    def content(self, version: LeadVersion, now: float) -> Json:  # noqa: ARG002  # the calendar changes nothing
        """The task, keys in amoCRM's order."""
        drawn = self._drawn(version.id)
        is_done = version.revision >= _done_at(drawn)
        about, author = self.about(version.id), 0 if drawn % 5 == 0 else self._user(drawn >> 8)
        return {
            "id": version.id,
            "created_by": author,
            "updated_by": self._user(drawn >> 12) if version.revision else author,
            "created_at": version.created_at,
            "updated_at": version.updated_at,
            "responsible_user_id": self._user(drawn >> 12),
            "group_id": 0,
            "entity_id": about[1],
            "entity_type": about[0],
            "duration": 0 if drawn % 3 else 1_800,
            "is_completed": is_done,
            "task_type_id": TASK_TYPES[drawn % len(TASK_TYPES)]["id"],
            "text": sample_texts.ERRANDS[(drawn >> 16) % len(sample_texts.ERRANDS)],
            # A result is optional; PHP encodes none as an empty list.
            "result": {"text": sample_texts.REMARKS[(drawn >> 20) % len(sample_texts.REMARKS)]}
            if is_done and drawn % 2
            else [],
            "complete_till": version.created_at + _days_given(drawn, version.revision) * _DAY,
            "account_id": self._options.account_id,
        }

    def stub(self, version: LeadVersion, now: float) -> Json:
        """Never shown."""
        return self.content(version, now)

    def is_imported(self, record_id: int) -> bool:  # noqa: ARG002
        """All of them are."""
        return True

    def delay(self, record_id: int) -> int:
        """Within three days."""
        return self._drawn(record_id) % (3 * _DAY)

    def pause(self, record_id: int, revision: int) -> int | None:
        """Hours, or days beyond the deadline."""
        drawn = self._drawn(record_id)
        if self.is_gone(record_id, 1):
            return 2 * _DAY
        if revision < _done_at(drawn) - 1:
            return _DAY // 2 + (drawn >> 36) % (_DAY // 2)
        if revision >= _done_at(drawn) or drawn % _NEVER_DONE == 0:
            return None
        return _HOUR + (drawn >> 24) % (6 * _DAY)

    def is_gone(self, record_id: int, revision: int) -> bool:
        """Whether it is deleted before it is completed."""
        return revision > 0 and self._drawn(record_id) % _DELETED == 1

    def about(self, task_id: int) -> tuple[str, int]:
        """What it is about: every fourth a lead's contact, the others the lead."""
        lead_id = lead_of_task(task_id)
        if self._drawn(task_id) % 4:
            return "leads", lead_id
        return "contacts", contacts_of(lead_id, self._options.seed)[0]

    def open_deadline(self, task_id: int, made_at: int, now: int, *, ages: bool) -> int | None:
        """The deadline of a task that was not changed manually; None if it is completed, deleted or not created.

        Without `ages` time changes nothing about it.
        """
        drawn, revision, at = self._drawn(task_id), 0, made_at
        while ages and (pause := self.pause(task_id, revision)) is not None and at + pause <= now:
            at, revision = at + pause, revision + 1
            if revision >= _done_at(drawn) or self.is_gone(task_id, revision):
                return None
        return made_at + _days_given(drawn, revision) * _DAY if made_at <= now else None

    def _user(self, drawn: int) -> int:
        return int(self._users[drawn % len(self._users)]["id"])


def _done_at(drawn: int) -> int:
    """The revision with which a task is done."""
    return 2 if (drawn >> 28) % _PUT_OFF == 0 else 1


def _days_given(drawn: int, revision: int) -> int:
    """From its making to its deadline."""
    return 1 + drawn % 5 + (2 if revision and _done_at(drawn) > 1 else 0)
