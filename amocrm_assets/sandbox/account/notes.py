"""The content of notes: calls written by a telephony service, answered or missed, and texts by users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account import sample_texts
from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.links import contacts_of, note_of, place_of_note

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.contact_content import ContactContent
    from amocrm_assets.sandbox.account.leads import Leads
    from amocrm_assets.sandbox.account.links import Note
    from amocrm_assets.sandbox.account.table import LeadVersion
    from amocrm_assets.sandbox.options import SandboxOptions

Json = dict[str, Any]
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TALKED, _NOT_REACHED = 4, 6
# Every fourth call is missed; to every tenth a result is added two hours later; a text in forty is deleted.
_MISSED, _COMMENTED, _DELETED = 4, 10, 40


class Notes:
    """Content of every note of one kind of records; `contacts` has the callers' numbers."""

    def __init__(self, options: SandboxOptions, leads: Leads, owners: str, contacts: ContactContent) -> None:
        self.kind = f"notes of {owners}"
        self._options = options
        self._users = leads.users
        self._seed = mixed(options.seed, options.account_id)
        self._contacts = contacts

    def content(self, version: LeadVersion, now: float) -> Json:  # noqa: ARG002  # the calendar changes nothing
        """The note, keys in amoCRM's order. It does not say in which list it is."""
        drawn, note = self._drawn(version.id), self._note(version.id)
        is_call = note.kind == "call"
        user = int(self._users[(drawn >> 8) % len(self._users)]["id"])
        kind = ("call_in" if (drawn >> 16) % 3 else "call_out") if is_call else "common"
        return {
            "id": version.id,
            "entity_id": note.owner_id,
            "created_by": 0 if is_call else user,
            "updated_by": user if version.revision else 0,
            "created_at": version.created_at,
            "updated_at": version.updated_at,
            "responsible_user_id": user,
            "group_id": 0,
            "note_type": kind,
            "params": self._call(note, drawn, version, user) if is_call else {"text": _text(drawn)},
            "account_id": self._options.account_id,
        }

    def stub(self, version: LeadVersion, now: float) -> Json:
        """Never shown."""
        return self.content(version, now)

    def is_imported(self, record_id: int) -> bool:
        """Calls are."""
        return self._note(record_id).kind == "call"

    def delay(self, record_id: int) -> int:
        """Mostly some minutes after the lead; days later for later calls."""
        drawn, place = self._drawn(record_id), place_of_note(record_id)
        return place * _DAY + 2 * _MINUTE + (drawn % (30 * _MINUTE) if drawn % 3 else drawn % (9 * _HOUR))

    def pause(self, record_id: int, revision: int) -> int | None:
        """Two hours, if it is edited at all."""
        drawn = self._drawn(record_id)
        return 2 * _HOUR if revision == 0 and (drawn % _COMMENTED == 0 or self.is_gone(record_id, 1)) else None

    def is_gone(self, record_id: int, revision: int) -> bool:
        """Whether it is deleted."""
        return revision > 0 and self._drawn(record_id) % _DELETED == 1

    def _call(self, note: Note, drawn: int, version: LeadVersion, user: int) -> Json:
        is_missed = drawn % _MISSED == 0
        caller = contacts_of(note.owner_id, self._options.seed)[0] if note.owners == "leads" else note.owner_id
        return {
            "uniq": f"{drawn:016x}",
            "duration": 0 if is_missed else 15 + (drawn >> 24) % 900,
            "source": "sandbox-pbx",
            "link": "" if is_missed else f"https://pbx.sandbox.example/records/{drawn:016x}.mp3",
            "phone": self._contacts.phone(caller),
            "call_result": _text(drawn) if version.revision else "",
            "call_status": _NOT_REACHED if is_missed else _TALKED,
            # Telephony services write a user's id or name.
            "call_responsible": user
            if drawn % 2
            else sample_texts.PEOPLE[(drawn >> 8) % len(sample_texts.PEOPLE)],
        }

    def _note(self, note_id: int) -> Note:
        return note_of(note_id, self._options.seed)

    def _drawn(self, note_id: int) -> int:
        return mixed(self._seed, note_id)


def _text(drawn: int) -> str:
    return sample_texts.REMARKS[(drawn >> 40) % len(sample_texts.REMARKS)]
