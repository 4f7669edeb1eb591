"""Who belongs to whom: a lead's contacts, a contact's company. It follows from ids alone, so all lists agree.

Two neighbouring leads are one customer's, and a company has three contacts.
"""

from __future__ import annotations

from amocrm_assets.sandbox.account.leads import mixed

FIRST_CONTACT, FIRST_COMPANY = 51_000_001, 41_000_001
_CONTACTS, _PER_COMPANY = 9_000, 3


def contacts_of(lead_id: int, seed: int) -> list[int]:
    """The contacts of a lead, the main one first; every fifth customer sends a colleague along."""
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
    """Who works for a company."""
    first = FIRST_CONTACT + (company_id - FIRST_COMPANY) * _PER_COMPANY
    return list(range(first, first + _PER_COMPANY))
