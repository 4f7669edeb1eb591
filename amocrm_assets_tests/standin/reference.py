"""The small lists of the stand-in's account, with switches for what a list may do. No HTTP.

Written from the public description of the API: pipelines come at once, users and fields with totals, loss reasons
and tags without.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amocrm_assets_tests.standin.account import (
    ACCOUNT_ID,
    INCOMING_STATUS,
    PIPELINE_ID,
    STATUS,
    USER_ID,
    USER_NAME,
)
from amocrm_assets_tests.standin.pages import NOTHING, Params, Reply, number, page_links, problem

if TYPE_CHECKING:
    from collections.abc import Container

    from amocrm_assets_tests.standin.account import Json

OTHER_USER_ID = USER_ID + 7
REASON_ID, TAG_ID, CONTACT_FIELD_ID = 77_001, 880_001, 990_001

# Path below /api/v4, name within `_embedded`, whether the list counts itself.
_PATHS = {
    "/leads/pipelines": ("pipelines", "pipelines", True),
    "/users": ("users", "users", True),
    "/leads/loss_reasons": ("loss_reasons", "loss_reasons", False),
    **{
        f"/{each}/custom_fields": (f"{each}_custom_fields", "custom_fields", True)
        for each in ("leads", "contacts", "companies")
    },
    **{f"/{each}/tags": (f"{each}_tags", "tags", False) for each in ("leads", "contacts", "companies")},
}


def status(status_id: int, name: str, kind: int = 0) -> Json:
    """A stage of the one pipeline."""
    return {
        "id": status_id,
        "name": name,
        "sort": status_id % 1000,
        "type": kind,
        "color": "#fff",
        "is_editable": True,
    }


def user(user_id: int, name: str, **rights: Any) -> Json:
    """A user in the default group, which amoCRM writes as null."""
    given = {"is_admin": False, "is_active": True, "is_free": False, "group_id": None, "role_id": None, **rights}
    return {"id": user_id, "name": name, "email": f"u{user_id}@example.org", "lang": "ru", "rights": given}


def _pipeline() -> Json:
    statuses = [
        status(INCOMING_STATUS, "Неразобранное", 1),
        status(STATUS, "В работе"),
        status(142, "Выиграно"),
        status(143, "Проиграно"),
    ]
    return {
        "id": PIPELINE_ID,
        "name": "Щукинские заказы",
        "sort": 1,
        "is_main": True,
        "is_unsorted_on": True,
        "is_archive": False,
        "account_id": ACCOUNT_ID,
        "_embedded": {"statuses": statuses},
    }


def custom_field(field_id: int, name: str, **given: Any) -> Json:
    """A custom field of any entity."""
    return {"id": field_id, "name": name, "code": None, "type": "text", "sort": 1, "enums": None, **given}


@dataclass
class ReferenceLists:
    """The lists by name, and how they answer. `statuses` are by name of the list: 403, 504, … instead of the list.

    `totals` are what lists count instead of the truth; None: no `_total_items`. `empty_on` are the turns (from 1)
    on which a list answers 204. `html` are lists whose refusal is a page of the gateway.
    """

    pipelines: list[Json] = field(default_factory=lambda: [_pipeline()])
    users: list[Json] = field(
        default_factory=lambda: [
            user(USER_ID, USER_NAME, is_admin=True),
            user(OTHER_USER_ID, "Пров Щукин", group_id=31),
        ]
    )
    loss_reasons: list[Json] = field(
        default_factory=lambda: [
            {
                "id": REASON_ID,
                "name": "Дорого",
                "sort": 1,
                "created_at": 1_690_000_000,
                "updated_at": 1_690_000_000,
            }
        ]
    )
    leads_custom_fields: list[Json] = field(default_factory=lambda: [custom_field(1, "Адрес доставки 1")])
    contacts_custom_fields: list[Json] = field(
        default_factory=lambda: [custom_field(CONTACT_FIELD_ID, "Телефон", code="PHONE", type="multitext")]
    )
    companies_custom_fields: list[Json] = field(default_factory=list)
    leads_tags: list[Json] = field(default_factory=lambda: [{"id": TAG_ID, "name": "опт", "color": "#ff8f92"}])
    contacts_tags: list[Json] = field(default_factory=list)
    companies_tags: list[Json] = field(default_factory=list)
    groups: list[Json] | None = field(default_factory=lambda: [{"id": 31, "name": "Опт", "uuid": "a-b"}])
    task_types: list[Json] = field(default_factory=lambda: [{"id": 1, "name": "Звонок", "code": "FOLLOW_UP"}])
    statuses: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int | None] = field(default_factory=dict)
    empty_on: dict[str, Container[int]] = field(default_factory=dict)
    html: frozenset[str] = frozenset()
    limit_max: int = 250
    turns: dict[str, int] = field(default_factory=dict)

    def stages(self) -> list[Json]:
        """The stages of the first pipeline, to change."""
        found: list[Json] = self.pipelines[0]["_embedded"]["statuses"]
        return found

    def about(self) -> Json:
        """What `account?with=users_groups,task_types` embeds."""
        groups = {} if self.groups is None else {"users_groups": self.groups}
        return copy.deepcopy({**groups, "task_types": self.task_types})

    def reply(self, path: str, params: Params, base: str) -> Reply | None:
        """The answer to a list's path; None where it is none of these."""
        name, embedded, counts = _PATHS.get(path.removeprefix("/api/v4"), ("", "", False))
        if not name:
            return None
        turn = self.turns[name] = self.turns.get(name, 0) + 1
        if name in self.statuses:
            code = self.statuses[name]
            return Reply(code, "<html>") if name in self.html else problem(code)
        if turn in self.empty_on.get(name, ()):
            return NOTHING
        return self._page(name, embedded, params, base, counts=counts)

    def _page(self, name: str, embedded: str, params: Params, base: str, *, counts: bool) -> Reply:
        items: list[Json] = getattr(self, name)
        page, limit = max(1, number(params, "page", 1)), min(number(params, "limit", 50), self.limit_max)
        is_paged = name != "pipelines"
        rows = items[(page - 1) * limit : page * limit] if is_paged else items
        if not rows:
            return NOTHING
        links = page_links(params, base, page, has_next=is_paged and page * limit < len(items))
        body: Json = {"_links": links, "_embedded": {embedded: copy.deepcopy(rows)}}
        total = self.totals.get(name, len(items) if counts else None)
        return Reply(200, body if total is None else {"_total_items": total, **body})
