"""The small lists of the account at an instant: users are added and removed, stages renamed and deleted.

All of it is computed from the calendar, so a restarted sandbox has the same history, continued to the present.
For the initial lists see `leads`, for HTTP `http.reference_api`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account import sample_texts
from amocrm_assets.sandbox.account.history import BEGINNING, DAY

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.leads import Leads

Json = dict[str, Any]
Declared = tuple[str, str | None, str]
GROUP_ID = 346_001
_FIRST_STAFF, _FIRST_TAG, _FIRST_FIELD, _FIRST_ENUM = 8_200_001, 501, 760_001, 960_001
# A user is added every two months, is inactive after eight, and is removed two months later.
_HIRED_EVERY, _STAYS, _LISTED = 60, 240, 300
_STAGE_RENAMED, _FIELD_RENAMED, _STAGE_DELETED, _PIPELINE_ARCHIVED = 120, 100, 150, 200
_CAMPAIGN_EVERY = 30
TASK_TYPES = (
    {"id": 1, "name": "Звонок", "color": None, "icon_id": None, "code": "FOLLOW_UP"},
    {"id": 2, "name": "Встреча", "color": None, "icon_id": None, "code": "MEETING"},
    {"id": 2_700_001, "name": "Отправить образцы", "color": "CCC8F9", "icon_id": 5, "code": None},
)
GROUPS = ({"id": 0, "name": "Отдел продаж", "uuid": None}, {"id": GROUP_ID, "name": "Опт", "uuid": None})


class Reference:
    """Lists of an account whose initial ones are in `content`."""

    def __init__(self, content: Leads, account_id: int) -> None:
        self._content = content
        self._account_id = account_id

    def users(self, now: float) -> list[Json]:
        """The users who own leads, and others, of whom some are inactive or removed."""
        day = _day(now)
        hired = range(max(day // _HIRED_EVERY + 1, 0))
        staff = [self._employee(number, day - number * _HIRED_EVERY) for number in hired]
        return deepcopy(self._content.users) + [each for each in staff if each]

    def _employee(self, number: int, days: int) -> Json | None:
        if days >= _LISTED:
            return None
        employee = deepcopy(self._content.users[-1])
        rights = employee["rights"] | {"is_active": days < _STAYS, "group_id": GROUP_ID}
        return employee | {
            "id": _FIRST_STAFF + number,
            "name": sample_texts.STAFF[number % len(sample_texts.STAFF)],
            "email": f"staff{number}@sandbox.example",
            "rights": rights,
        }

    def pipelines(self, now: float) -> list[Json]:
        """One stage is renamed, one without leads is deleted, one pipeline is archived."""
        day, pipelines = _day(now), deepcopy(self._content.pipelines)
        if day < _STAGE_DELETED:
            stages = pipelines[0]["_embedded"]["statuses"]
            parked = {"id": pipelines[0]["id"] + 90, "name": "Отложено", "sort": 55}
            stages.insert(-2, stages[1] | parked)
        if day >= _STAGE_RENAMED:
            pipelines[1]["_embedded"]["statuses"][2]["name"] = "Переговоры о цене"
        pipelines[2]["is_archive"] = day >= _PIPELINE_ARCHIVED
        return pipelines

    def tags(self, entity_type: str, now: float) -> list[Json]:
        """Tags of leads, and one for each campaign; contacts have two, companies none."""
        if entity_type != "leads":
            return [{"id": 601, "name": "vip", "color": None}, {"id": 602, "name": "опт", "color": None}][
                : 2 * (entity_type == "contacts")
            ]
        named = [
            *sample_texts.TAGS,
            *(f"акция {number + 1}" for number in range(max(_day(now), 0) // _CAMPAIGN_EVERY)),
        ]
        return [{"id": _FIRST_TAG + place, "name": name, "color": None} for place, name in enumerate(named)]

    def custom_fields(self, entity_type: str, now: float) -> list[Json]:
        """The custom fields of leads, or the few fields of contacts and companies, one of which is renamed."""
        if entity_type == "leads":
            return self._content.fields.definitions
        birthday = "Дата рождения" if _day(now) >= _FIELD_RENAMED else "День рождения"
        own: list[Declared] = [("Должность", "POSITION", "text"), (birthday, None, "birthday")]
        declared: list[Declared] = [("Телефон", "PHONE", "multitext"), ("Email", "EMAIL", "multitext")]
        declared += own if entity_type == "contacts" else [("Web", "WEB", "url"), ("Адрес", "ADDRESS", "textarea")]
        first = _FIRST_FIELD + 100 * (entity_type == "companies")
        return [self._field(entity_type, first + place, *each) for place, each in enumerate(declared)]

    def _field(self, entity_type: str, field_id: int, name: str, code: str | None, kind: str) -> Json:
        choices = {"PHONE": ("WORK", "MOB", "OTHER"), "EMAIL": ("WORK", "PRIV", "OTHER")}.get(code or "", ())
        return {
            "id": field_id,
            "name": name,
            "type": kind,
            "account_id": self._account_id,
            "code": code,
            "sort": 500 + field_id % 100,
            "is_api_only": False,
            "is_predefined": code is not None,
            "is_deletable": code is None,
            "group_id": None,
            "entity_type": entity_type,
            "enums": [
                {"id": _FIRST_ENUM + 10 * (field_id % 1000) + place, "value": choice, "sort": place}
                for place, choice in enumerate(choices)
            ]
            or None,
        }


def account_extras(extras: frozenset[str]) -> Json:
    """What `account?with=users_groups,task_types` embeds."""
    known: Json = {"users_groups": list(GROUPS), "task_types": list(TASK_TYPES)}
    return {name: records for name, records in known.items() if name in extras}


def _day(now: float) -> int:
    """Days since the account began."""
    return int((now - BEGINNING) // DAY)
