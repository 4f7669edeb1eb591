"""The content of contacts and companies: computed from seed, id and revision alone, like that of leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account import sample_texts
from amocrm_assets.sandbox.account.history import BEGINNING, DAY
from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.sandbox.account.leads import Leads
    from amocrm_assets.sandbox.account.table import LeadVersion
    from amocrm_assets.sandbox.options import SandboxOptions

Json = dict[str, Any]
# The same number as different people write it; no network of any country has it.
_PHONES = ("+7 (999) 000-{0}-{1}", "8 999 000 {0} {1}", "+7999000{0}{1}", "999-000-{0}-{1}")


class ContactContent:
    """Content of every contact, or every company, of one account."""

    def __init__(self, options: SandboxOptions, leads: Leads, kind: str) -> None:
        self.kind = kind
        self.leads = leads
        self._seed = mixed(options.seed, options.account_id)
        self._account_id = options.account_id
        self._reference = Reference(leads, options.account_id)
        # By day: they change with the account's calendar only.
        self._known: dict[int, tuple[list[Json], list[Json]]] = {}

    def content(self, version: LeadVersion, now: float) -> Json:
        """The record without links and embedded records."""
        drawn = mixed(self._seed, version.id)
        changed = mixed(drawn, version.revision)
        names = self._names(drawn)
        return {
            "id": version.id,
            **names,
            "responsible_user_id": self.leads.users[(drawn >> 12) % len(self.leads.users)]["id"],
            "group_id": 0,
            "created_by": self._user_or_robot(drawn >> 16),
            "updated_by": self._user_or_robot(changed >> 16),
            "created_at": version.created_at,
            "updated_at": version.updated_at,
            "closest_task_at": None,
            "is_deleted": False,
            **({"is_unsorted": False} if self.kind == "contacts" else {}),
            "custom_fields_values": self._values(drawn, changed, names["name"], now),
            "account_id": self._account_id,
        }

    def stub(self, version: LeadVersion, now: float) -> Json:
        """A record in the trash as amoCRM returns it."""
        content = self.content(version, now)
        kept = ("id", "updated_by", "updated_at", "account_id")
        return {name: content[name] if name in kept else None for name in content} | {"is_deleted": True}

    def tags(self, record_id: int, now: float) -> list[Json]:
        """Tags of a record: one of the account's for every third."""
        known, drawn = self._fields_and_tags(now)[1], mixed(self._seed, record_id) >> 40
        return [known[drawn % len(known)]] if known and drawn % 3 == 0 else []

    def phone(self, record_id: int) -> str:
        """The telephone number of a record."""
        return _phone(mixed(self._seed, record_id), "")

    def _fields_and_tags(self, now: float) -> tuple[list[Json], list[Json]]:
        day = int((now - BEGINNING) // DAY)
        if day not in self._known:
            reference, kind = self._reference, self.kind
            self._known = {day: (reference.custom_fields(kind, now), reference.tags(kind, now))}
        return self._known[day]

    def _names(self, drawn: int) -> Json:
        if self.kind == "companies":
            return {"name": f"{sample_texts.FIRMS[(drawn >> 20) % len(sample_texts.FIRMS)]} {drawn % 997}"}
        first, last = sample_texts.PEOPLE[(drawn >> 20) % len(sample_texts.PEOPLE)].split()
        if drawn % 7 == 0:  # a telephony service creates contacts without a name
            first, last = f"Контакт {drawn % 9973}", ""
        return {"name": f"{first} {last}".strip(), "first_name": first, "last_name": last}

    def _values(self, drawn: int, changed: int, name: str, now: float) -> list[Json] | None:
        """All have a phone; the other filled fields depend on the revision."""
        entries = []
        for place, field in enumerate(self._fields_and_tags(now)[0]):
            values = self._filled(field, drawn, name)
            if place == 0 or (changed >> place) % 3:
                kept = {"field_id": field["id"], "field_name": field["name"], "field_code": field["code"]}
                entries.append({**kept, "field_type": field["type"], "values": values})
        return entries or None

    def _filled(self, field: Json, drawn: int, name: str) -> list[Json]:
        make: Callable[[int, str], Any] = _GENERATORS.get(field["code"] or "", lambda _, __: 315_532_800)
        chosen = field["enums"][drawn % len(field["enums"])] if field["enums"] else None
        enum = {"enum_id": chosen["id"], "enum_code": chosen["value"]} if chosen else {}
        return [{"value": make(drawn, name)} | enum]

    def _user_or_robot(self, drawn: int) -> int:
        user = self.leads.users[drawn % len(self.leads.users)]["id"]
        return 0 if drawn % 6 == 0 else int(user)


def _phone(drawn: int, _: str) -> str:
    return _PHONES[drawn % len(_PHONES)].format(f"{drawn % 97:02}", f"{(drawn >> 8) % 89:02}")


_GENERATORS: dict[str, Callable[[int, str], Any]] = {
    "PHONE": _phone,
    "EMAIL": lambda drawn, _: f"Client{drawn % 99991}@Mail.Example",
    "POSITION": lambda drawn, _: ("директор", "закупки", "buyer", "бухгалтер")[drawn % 4],
    "WEB": lambda drawn, _: f"https://firm{drawn % 9973}.example",
    "ADDRESS": lambda drawn, _: f"{sample_texts.STREETS[drawn % len(sample_texts.STREETS)]}, {drawn % 90 + 1}",
}
