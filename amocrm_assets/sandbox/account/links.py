"""Links between records: a lead's contacts, a contact's company. Computed from ids alone, so all lists agree.

Two neighbouring leads have the same contacts, and a company has three. Tasks and notes belong to leads.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from amocrm_assets.sandbox.account.leads import mixed

FIRST_CONTACT, FIRST_COMPANY = 51_000_001, 41_000_001
_CONTACTS, _PER_COMPANY = 9_000, 3
OWNERS = ("leads", "contacts", "companies")
_FIRST_TASK, _TASKS = 1_000_000_001, 2
_FIRST_NOTE, _NOTES = 600_000_001, 4
# Ids of the sandbox have 32 bits; leads with greater ones have neither tasks nor notes.
_GREATEST_LEAD = 800_000_000


class Note(NamedTuple):
    """A note about a lead. It belongs to the lead, to its contact or to its company."""

    id: int
    owners: str
    owner_id: int
    kind: Literal["call", "text"] = "call"


def contacts_of(lead_id: int, seed: int) -> list[int]:
    """The contacts of a lead, the main one first; every fifth has a second one of the same company."""
    drawn = mixed(lead_id >> 1, seed)
    place = drawn % _CONTACTS
    begin = place - place % _PER_COMPANY
    colleague = begin + (place + 1) % _PER_COMPANY
    return [FIRST_CONTACT + each for each in ([place, colleague] if drawn % 5 == 0 else [place])]


def company_of(contact_id: int, seed: int) -> int | None:
    """The company of a contact; a third are private persons."""
    if not 0 <= contact_id - FIRST_CONTACT < _CONTACTS:
        return None
    place = (contact_id - FIRST_CONTACT) // _PER_COMPANY
    return FIRST_COMPANY + place if mixed(place, seed + 1) % 3 else None


def company_of_lead(lead_id: int, seed: int) -> int | None:
    """The company of a lead is that of its main contact."""
    return company_of(contacts_of(lead_id, seed)[0], seed)


def contacts_of_company(company_id: int) -> list[int]:
    """The contacts of a company."""
    first = FIRST_CONTACT + (company_id - FIRST_COMPANY) * _PER_COMPANY
    return list(range(first, first + _PER_COMPANY))


def tasks_of(lead_id: int, seed: int) -> list[int]:
    """The tasks of a lead: none, one or two."""
    count = mixed(lead_id, seed + 2) % (_TASKS + 1) if lead_id <= _GREATEST_LEAD else 0
    return [_FIRST_TASK + lead_id * _TASKS + place for place in range(count)]


def lead_of_task(task_id: int) -> int:
    """The lead that a task is about."""
    return (task_id - _FIRST_TASK) // _TASKS


def notes_of(lead_id: int, seed: int) -> list[Note]:
    """The notes of a lead: its first call, later calls, and a text. Most calls belong to the contact."""
    if lead_id > _GREATEST_LEAD:
        return []
    drawn, contact = mixed(lead_id, seed + 3), contacts_of(lead_id, seed)[0]
    first, company = _FIRST_NOTE + lead_id * _NOTES, company_of(contact, seed)
    found = []
    if drawn % 3:
        on_lead = (drawn >> 4) % 4 == 0
        found.append(Note(first, "leads", lead_id) if on_lead else Note(first, "contacts", contact))
        if (drawn >> 8) % 3 == 0:
            found.append(Note(first + 1, "contacts", contact))
    if company is not None and (drawn >> 12) % 5 == 0:
        found.append(Note(first + 2, "companies", company))
    if (drawn >> 16) % 2:
        found.append(Note(first + 3, "leads", lead_id, "text"))
    return found


def note_of(note_id: int, seed: int) -> Note:
    """The note of that id."""
    return next(each for each in notes_of((note_id - _FIRST_NOTE) // _NOTES, seed) if each.id == note_id)


def place_of_note(note_id: int) -> int:
    """Its place among its lead's notes: the first call, later calls, the text."""
    return (note_id - _FIRST_NOTE) % _NOTES
