"""The stand-in's tasks and notes: lists of dicts, filtered, sorted and sliced as those of leads. No HTTP.

Written from the public description of the lists alone, as the rest of the stand-in is. What is deleted is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets_tests.standin.account import ACCOUNT_ID, USER_ID, StandInAccount
from amocrm_assets_tests.standin.pages import LeadPages, Params, Reply, problem

if TYPE_CHECKING:
    from amocrm_assets_tests.standin.account import Json
    from amocrm_assets_tests.standin.semantics import Semantics

CALLS, OTHERS = ("call_in", "call_out"), ("common", "amomail_message", "sms_in")


def task(task_id: int, updated_at: int | None) -> Json:
    """A task with all that amoCRM's documentation lists."""
    return {
        "id": task_id,
        "created_by": USER_ID,
        "updated_by": USER_ID,
        "created_at": 1_700_000_000,
        "updated_at": updated_at,
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "entity_id": 100_000 + task_id % 1_000,
        "entity_type": "leads",
        "duration": 0,
        "is_completed": task_id % 3 == 0,
        "is_deleted": False,
        "task_type_id": 1 + task_id % 2,
        "text": f"Позвонить Щукиной, {task_id}",
        "result": {"text": "дозвонились"} if task_id % 3 == 0 else [],
        "complete_till": 1_700_100_000,
        "account_id": ACCOUNT_ID,
        "_embedded": {},
    }


def note(note_id: int, updated_at: int | None) -> Json:
    """A note: every third is no call. It does not say what it hangs on but by id."""
    kind = OTHERS[note_id // 3 % 3] if note_id % 3 == 0 else CALLS[note_id % 2]
    call = {
        "uniq": f"u{note_id}",
        "duration": note_id % 600,
        "source": "stand-in",
        "link": "",
        "phone": f"+7 900 {note_id % 10_000_000:07}",
        "call_result": "",
        "call_status": 4,
        "call_responsible": USER_ID,
    }
    return {
        "id": note_id,
        "entity_id": 100_000 + note_id % 1_000,
        "created_by": USER_ID,
        "updated_by": USER_ID,
        "created_at": 1_700_000_000,
        "updated_at": updated_at,
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "is_deleted": False,
        "note_type": kind,
        "params": call if kind in CALLS else {"text": f"письмо Щукиной {note_id}"},
        "account_id": ACCOUNT_ID,
        "_embedded": {},
    }


class TaskPages(LeadPages):
    """Answers to `/api/v4/tasks`, which knows orders of id, `created_at` and `complete_till` alone."""

    def reply(self, params: Params, base: str) -> Reply:
        """The page that the request names."""
        how = self._semantics.tasks_order
        if how == "400" and "order[updated_at]" in params:
            return problem(400)
        unknown = {"with"} if how == "honoured" else {"order[updated_at]", "with"}
        return super().reply({name: values for name, values in params.items() if name not in unknown}, base)

    def _shown(self, full: Json, params: Params) -> Json:
        # Nothing that is deleted is listed, and no record says that it is not.
        shown = super()._shown(full, params)
        return {name: value for name, value in shown.items() if name not in {"is_deleted", "_embedded"}}


class NotePages(TaskPages):
    """Answers to the notes of one kind of records, of which some types may be asked for."""

    def __init__(self, account: StandInAccount, semantics: Semantics) -> None:
        super().__init__(account, semantics, "notes")
        self._whole = account

    def reply(self, params: Params, base: str) -> Reply:
        """The page that the request names."""
        wanted = [
            value for name, values in params.items() if name.startswith("filter[note_type]") for value in values
        ]
        if wanted and self._semantics.notes_types_filter:
            self._account = StandInAccount([each for each in self._whole.leads if each["note_type"] in wanted])
        else:
            self._account = self._whole
        known = {name: values for name, values in params.items() if name != "with"}
        return LeadPages.reply(self, known, base)
