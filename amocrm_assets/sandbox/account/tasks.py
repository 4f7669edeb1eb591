"""What tasks look like: set for somebody about a lead or its contact, done in time, late or never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account import words
from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.links import contacts_of, lead_of_task
from amocrm_assets.sandbox.account.reference import TASK_TYPES

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.leads import Leads
    from amocrm_assets.sandbox.account.table import LeadVersion
    from amocrm_assets.sandbox.options import SandboxOptions

Json = dict[str, Any]
_HOUR, _DAY = 3_600, 86_400
# Every sixth is never done, and every fortieth is deleted after two days.
_NEVER_DONE, _DELETED = 6, 40


class Tasks:
    """Content of every task of one account. The second revision of a task is that it is done."""

    kind = "tasks"

    def __init__(self, options: SandboxOptions, leads: Leads) -> None:
        self._options = options
        self._users = leads.users
        self._seed = mixed(options.seed, options.account_id)

    def content(self, version: LeadVersion, now: float) -> Json:  # noqa: ARG002  # the calendar changes nothing
        """The task, keys in amoCRM's order."""
        drawn, is_done = self._drawn(version.id), version.revision > 0
        lead_id = lead_of_task(version.id)
        about = ("contacts", contacts_of(lead_id, self._options.seed)[0]) if drawn % 4 == 0 else ("leads", lead_id)
        return {
            "id": version.id,
            "created_by": 0 if drawn % 5 == 0 else self._user(drawn >> 8),
            "updated_by": self._user(drawn >> 12),
            "created_at": version.created_at,
            "updated_at": version.updated_at,
            "responsible_user_id": self._user(drawn >> 12),
            "group_id": 0,
            "entity_id": about[1],
            "entity_type": about[0],
            "duration": 0 if drawn % 3 else 1_800,
            "is_completed": is_done,
            "task_type_id": TASK_TYPES[drawn % len(TASK_TYPES)]["id"],
            "text": words.ERRANDS[(drawn >> 16) % len(words.ERRANDS)],
            # Nobody has to write a result; PHP has an empty list for none.
            "result": {"text": words.REMARKS[(drawn >> 20) % len(words.REMARKS)]} if is_done and drawn % 2 else [],
            "complete_till": version.created_at + (1 + drawn % 5) * _DAY,
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
        if revision > 0 or drawn % _NEVER_DONE == 0:
            return None
        return _HOUR + (drawn >> 24) % (6 * _DAY)

    def is_gone(self, record_id: int, revision: int) -> bool:
        """Whether somebody deletes it instead of doing it."""
        return revision > 0 and self._drawn(record_id) % _DELETED == 1

    def _drawn(self, task_id: int) -> int:
        return mixed(self._seed, task_id)

    def _user(self, drawn: int) -> int:
        return int(self._users[drawn % len(self._users)]["id"])
