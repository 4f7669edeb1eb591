"""The content of a lead: computed from seed, id and revision alone, so that none of it is stored.

For versions see `table`, for values that were set manually `account`, for the next task's deadline
`closest_tasks`, for pages of lists `query`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account import sample_texts
from amocrm_assets.sandbox.account.custom_fields import VARIANTS, CustomFields

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.table import LeadVersion
    from amocrm_assets.sandbox.options import SandboxOptions

WON, LOST, INCOMING = 142, 143, 1
_BITS = (1 << 64) - 1
_PROFILES = 64  # different choices of filled fields
_FIELDS_PER_LEAD = 8

Json = dict[str, Any]


class Leads:
    """Content of every lead of one account."""

    def __init__(self, options: SandboxOptions) -> None:
        self.fields = CustomFields(options)
        self.users = _users(options.account_id)
        self.pipelines = _pipelines(options.account_id)
        self.incoming = frozenset(
            status["id"]
            for pipeline in self.pipelines
            for status in pipeline["_embedded"]["statuses"]
            if status["type"] == INCOMING
        )
        self.loss_reasons = _loss_reasons()
        self.seed = options.seed
        self._seed = mixed(options.seed, options.account_id)
        self._account_id = options.account_id
        self._profiles = self._filled_fields(options.seed)

    def content(self, version: LeadVersion, *, minor_units: bool = True) -> Json:
        """The lead without links and what `with` adds, keys in amoCRM's order."""
        drawn = mixed(self._seed, version.id)
        changed = mixed(drawn, version.revision)
        pipeline, status, closed_at = self._stage(version, drawn)
        price = 0 if drawn % 5 == 0 else (changed >> 8) % 900 * 500
        content: Json = {
            "id": version.id,
            "name": self._name(version.id, drawn),
            "price": price,
            # The responsible user changes with every sixth revision.
            "responsible_user_id": self.users[((drawn >> 12) + version.revision // 6) % len(self.users)]["id"],
            "group_id": 0,
            "status_id": status,
            "pipeline_id": pipeline["id"],
            "loss_reason_id": self.loss_reasons[drawn % len(self.loss_reasons)]["id"] if status == LOST else None,
            "created_by": self._user_or_robot(drawn >> 16),
            "updated_by": self._user_or_robot(changed >> 16),
            "created_at": version.created_at,
            "updated_at": version.updated_at,
            "closed_at": closed_at,
            "closest_task_at": None,
            "is_deleted": False,
            "custom_fields_values": self._values(drawn, changed),
            "score": None,
            "account_id": self._account_id,
            "labor_cost": None if drawn % 4 else (changed >> 20) % 7200,
            "is_price_computed": False,
        }
        if minor_units:
            content["price_with_minor_units"] = price
        return content

    def stub(self, version: LeadVersion) -> Json:
        """A lead in the trash as amoCRM returns it: every key, nearly all null."""
        content: Json = dict.fromkeys(self.content(version))
        changed = mixed(mixed(self._seed, version.id), version.revision)
        return content | {
            "id": version.id,
            "updated_by": self._user_or_robot(changed >> 16),
            "updated_at": version.updated_at,
            "is_deleted": True,
            "account_id": self._account_id,
        }

    def tags(self, lead_id: int) -> list[Json]:
        """Tags of a lead: none, one or two."""
        drawn = mixed(self._seed, lead_id) >> 40
        places = ((drawn + number) % len(sample_texts.TAGS) for number in range(drawn % 3))
        return [{"id": 501 + place, "name": sample_texts.TAGS[place], "color": None} for place in places]

    def _name(self, lead_id: int, drawn: int) -> str:
        if drawn % 9 == 0:
            return f"Сделка #{lead_id}"
        goods = sample_texts.GOODS[(drawn >> 20) % len(sample_texts.GOODS)]
        return f"{goods}, {sample_texts.FIRMS[(drawn >> 24) % len(sample_texts.FIRMS)]}"

    def _user_or_robot(self, drawn: int) -> int:
        """0 is amoCRM's robot."""
        user = self.users[drawn % len(self.users)]["id"]
        return 0 if drawn % 6 == 0 else int(user)

    def _stage(self, version: LeadVersion, drawn: int) -> tuple[Json, int, int | None]:
        """A lead moves on a stage by every second change and is closed in the end."""
        pipeline = self.pipelines[(drawn >> 28) % len(self.pipelines)]
        stages = pipeline["_embedded"]["statuses"]
        step = 1 + version.revision // 2 + (drawn >> 32) % 2
        if step <= len(sample_texts.STAGES):
            return pipeline, stages[step]["id"], None
        closed_at = min(version.updated_at, version.created_at + 86_400 + (drawn >> 36) % 5_000_000)
        return pipeline, WON if (drawn >> 34) % 3 == 0 else LOST, closed_at

    def _values(self, drawn: int, changed: int) -> list[Json] | None:
        if drawn % 11 == 0:
            return None if drawn % 2 else []
        profile = self._profiles[(drawn >> 44) % _PROFILES]
        carried = self.fields.carried
        values = []
        for place, number in enumerate(profile):
            # Every other field follows the revision, so that an edit changes some and not all.
            bits = changed if place % 2 else drawn
            values.append(carried[number][(bits >> (place * 5)) % VARIANTS])
        return values

    def _filled_fields(self, seed: int) -> list[list[int]]:
        rng = Random(f"profiles {seed}")  # noqa: S311  # it generates data, no secrets
        every = range(len(self.fields.carried))
        return [sorted(rng.sample(every, _FIELDS_PER_LEAD)) for _ in range(_PROFILES)]


def mixed(one: int, other: int) -> int:
    """64 bits that look random and depend on both numbers only (the finaliser of SplitMix64)."""
    bits = (one * 0x9E3779B97F4A7C15 + other * 0xD1B54A32D192ED03 + 0x94D049BB133111EB) & _BITS
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _BITS
    return bits ^ (bits >> 31)


def _users(account_id: int) -> list[Json]:
    rights = dict.fromkeys(("view", "edit", "add", "delete", "export"), "A")
    return [
        {
            "id": 8_100_001 + place,
            "name": name,
            "email": f"user{place}@sandbox.example",
            "lang": "ru",
            "rights": {
                "leads": rights,
                "contacts": rights,
                "companies": rights,
                "tasks": {"edit": "A", "delete": "A"},
                "mail_access": False,
                "catalog_access": True,
                "is_admin": place == 0,
                "is_active": place != len(sample_texts.PEOPLE) - 1,
                "is_free": False,
                "group_id": None,
                "role_id": None,
                "status_rights": [],
            },
            "account_id": account_id,
        }
        for place, name in enumerate(sample_texts.PEOPLE)
    ]


def _pipelines(account_id: int) -> list[Json]:
    return [
        _pipeline(account_id, 3_200_001 + 1000 * place, name, place)
        for place, name in enumerate(sample_texts.PIPELINES)
    ]


def _pipeline(account_id: int, pipeline_id: int, name: str, place: int) -> Json:
    """The first stage holds incoming leads; won and lost have the same two ids in every pipeline."""
    stages = [(pipeline_id + 1, "Неразобранное", INCOMING)]
    stages += [(pipeline_id + 2 + number, stage, 0) for number, stage in enumerate(sample_texts.STAGES)]
    stages += [(WON, "Успешно реализовано", 0), (LOST, "Закрыто и не реализовано", 0)]
    statuses = [
        {
            "id": status_id,
            "name": stage,
            "sort": 10 * (number + 1),
            "is_editable": kind != INCOMING and status_id not in (WON, LOST),
            "pipeline_id": pipeline_id,
            "color": "#c1e0ff",
            "type": kind,
            "account_id": account_id,
        }
        for number, (status_id, stage, kind) in enumerate(stages)
    ]
    return {
        "id": pipeline_id,
        "name": name,
        "sort": place + 1,
        "is_main": place == 0,
        "is_unsorted_on": True,
        "is_archive": False,
        "account_id": account_id,
        "_embedded": {"statuses": statuses},
    }


def _loss_reasons() -> list[Json]:
    return [
        {
            "id": 4_300_001 + place,
            "name": name,
            "sort": 1000 * place,
            "created_at": 1735689600,
            "updated_at": 1735689600,
        }
        for place, name in enumerate(sample_texts.LOSS_REASONS)
    ]
