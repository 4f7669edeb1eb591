"""The leads of the stand-in: a plain list of dicts that is filtered, sorted and sliced for each request.

Written from the public description of amoCRM's API alone; it shares no code with the package's sandbox and none
of its ideas of how lists are kept.
"""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from amocrm_assets_tests.standin.semantics import Semantics

Json = dict[str, Any]

ACCOUNT_ID, USER_ID, USER_NAME, ACCOUNT_NAME = 29_000_777, 8_812_345, "Марфа Тихоновна Щукина", "Щукина и дочери"
PIPELINE_ID, INCOMING_STATUS, STATUS = 5_500_001, 5_500_002, 5_500_003
INT64_MAX = 2**63 - 1
WITH = ("contacts", "loss_reason", "source_id", "source", "catalog_elements", "is_price_modified_by_robot")


@dataclass
class StandInAccount:
    """All leads, in the order of their creation, which is none of amoCRM's orders; and who has been touched."""

    leads: list[Json]
    timezone: str = "Europe/Moscow"
    subdomain: str = "standin"
    fields: list[Json] = field(default_factory=lambda: [custom_field(number) for number in range(1, 61)])
    events: list[Json] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def edit(self, lead: Json, at: int) -> None:
        """Somebody changes a lead."""
        self.touched.add(lead["id"])
        lead["updated_at"] = at

    def delete(self, lead: Json, at: int) -> None:
        """Somebody moves a lead to the trash, where only a stub of it is shown."""
        self.edit(lead, at)
        lead["is_deleted"] = True

    def restore(self, lead: Json, at: int) -> None:
        """Somebody takes a lead out of the trash."""
        self.edit(lead, at)
        lead["is_deleted"] = False

    def untouched(self, from_at: int, to_at: int) -> dict[int, int]:
        """`updated_at` by id of the leads of an interval that nobody has changed, deleted ones included."""
        return {
            lead["id"]: lead["updated_at"]
            for lead in self.leads
            if lead["id"] not in self.touched and lead["updated_at"] is not None
            if from_at <= lead["updated_at"] <= to_at
        }


def lead(lead_id: int, updated_at: int | None, *, is_deleted: bool = False, status: int = STATUS) -> Json:
    """A lead with all that amoCRM's documentation lists."""
    return {
        "id": lead_id,
        "name": f"Заказ Щукиной {lead_id}",
        "price": 1000 + lead_id % 977,
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "status_id": status,
        "pipeline_id": PIPELINE_ID,
        "loss_reason_id": None,
        "created_by": USER_ID,
        "updated_by": USER_ID,
        "created_at": 1_700_000_000,
        "updated_at": updated_at,
        "closed_at": None,
        "closest_task_at": None,
        "is_deleted": is_deleted,
        "custom_fields_values": [
            {
                "field_id": 1,
                "field_name": "Адрес доставки 1",
                "field_code": None,
                "field_type": "text",
                "values": [{"value": f"улица Щукиной, {lead_id}"}],
            }
        ],
        "score": None,
        "account_id": ACCOUNT_ID,
        "labor_cost": None,
        "is_price_computed": False,
        "_embedded": {"tags": [], "companies": []},
    }


def contact(contact_id: int, updated_at: int | None, *, is_deleted: bool = False) -> Json:
    """A contact with all that amoCRM's documentation lists."""
    return {
        "id": contact_id,
        "name": f"Покупатель {contact_id}",
        "first_name": "Покупатель",
        "last_name": str(contact_id),
        "responsible_user_id": USER_ID,
        "group_id": 0,
        "created_by": USER_ID,
        "updated_by": USER_ID,
        "created_at": 1_700_000_000,
        "updated_at": updated_at,
        "closest_task_at": None,
        "is_deleted": is_deleted,
        "is_unsorted": False,
        "custom_fields_values": None,
        "account_id": ACCOUNT_ID,
        "_embedded": {"tags": [], "companies": []},
    }


def stub(full: Json) -> Json:
    """What amoCRM shows of a lead in the trash."""
    kept = ("id", "updated_at", "updated_by", "is_deleted", "account_id")
    return {name: full[name] if name in kept else None for name in full if name != "_embedded"}


def custom_field(number: int) -> Json:
    """The definition of a field."""
    return {
        "id": number,
        "name": f"Адрес доставки {number}",
        "code": None,
        "type": "text",
        "sort": 500 + number,
        "is_predefined": False,
        "is_deletable": True,
        "account_id": ACCOUNT_ID,
        "entity_type": "leads",
        "enums": None,
    }


def event(number: int, at: int) -> Json:
    """An entry of `/api/v4/events`; its id is text."""
    return {
        "id": f"01hq{number:022d}",
        "type": "lead_status_changed",
        "entity_id": 100_000 + number,
        "entity_type": "lead",
        "created_by": USER_ID,
        "created_at": at,
        "value_before": [],
        "value_after": [],
        "account_id": ACCOUNT_ID,
    }


def many_leads(
    seed: int,
    count: int,
    from_at: int,
    to_at: int,
    *,
    deleted: int = 0,
    tied: int = 0,
    make: Callable[[int, int], Json] = lead,
) -> list[Json]:
    """So many leads at random seconds of an interval, `deleted` of them in the trash, `tied` in one second.

    Or contacts, where `make` makes those.
    """
    rng = random.Random(f"leads {seed}")
    tie_at = rng.randint(from_at, to_at)
    numbers = rng.sample(range(100_000, 100_000 + 20 * count + 100), count)
    times = [tie_at] * tied + [rng.randint(from_at, to_at) for _ in range(count - tied)]
    made = [make(number, at) for number, at in zip(numbers, times, strict=True)]
    for each in rng.sample(made, deleted):
        each["is_deleted"] = True
    rng.shuffle(made)
    return made


class Editor:
    """Changes, deletes and restores leads after each answer, by a seed. Time goes on with each change."""

    def __init__(self, account: StandInAccount, seed: int, *, per_answer: int = 2) -> None:
        self._account = account
        self._rng = random.Random(f"editor {seed}")
        self._per_answer = per_answer
        self._now = int(time.time())

    def __call__(self) -> None:
        """One round of changes."""
        for _ in range(self._per_answer):
            each = self._rng.choice(self._account.leads)
            self._now += self._rng.randint(0, 1)
            if each["is_deleted"]:
                self._account.restore(each, self._now)
            else:
                change = self._account.delete if self._rng.random() < 0.3 else self._account.edit
                change(each, self._now)


def listed(account: StandInAccount, params: Mapping[str, list[str]], semantics: Semantics) -> list[Json]:
    """The whole list that a request names, filtered and sorted; `server` cuts a page out of it."""
    trash = wants_trash(params) and semantics.only_deleted in {"known", "odd once"}
    rows = [each for each in account.leads if each["is_deleted"] == trash]
    if wants_trash(params) and semantics.only_deleted == "empty":
        rows = []
    filters = semantics.trash_filters if trash else semantics.leads_filter
    if filters:
        rows = [each for each in rows if _passes(each, params, semantics)]
    if not (trash or semantics.incoming_listed or (filters and _statuses(params))):
        rows = [each for each in rows if each.get("status_id") != INCOMING_STATUS]
    filtered = filters and any(name.startswith("filter[") for name in params)
    how = semantics.trash_order if trash else semantics.order
    return rows if how != "honoured" else ordered(rows, params, semantics, filtered=filtered)


def wants_trash(params: Mapping[str, list[str]]) -> bool:
    """Whether the request asks for deleted leads."""
    return "only_deleted" in params.get("with", [""])[-1].split(",")


def ordered(
    rows: Iterable[Json], params: Mapping[str, list[str]], semantics: Semantics, *, filtered: bool = False
) -> list[Json]:
    """Rows by `order[…]`, by id without one; ties as the semantics say. Null comes first, as in MySQL."""
    found = [(name[6:-1], values[-1]) for name, values in params.items() if name.startswith("order[")]
    key, direction = found[-1] if found else ("id", "asc")
    if key == "id" and filtered and not semantics.id_order_beside_filter:
        key = "updated_at"
    ties = {"id asc": lambda each: each["id"], "id desc": lambda each: -each["id"]}
    by_tie = sorted(rows, key=ties.get(semantics.ties, lambda _: random.random()))
    if direction == "desc":
        return sorted(by_tie, key=lambda each: -(each[key] or 0))
    return sorted(by_tie, key=lambda each: each[key] or 0)


def _passes(each: Json, params: Mapping[str, list[str]], semantics: Semantics) -> bool:
    for name in ("updated_at", "created_at"):
        first, last = (params.get(f"filter[{name}][{end}]") for end in ("from", "to"))
        at = each[name]
        if at is None:
            continue
        if first and at < int(first[-1]) + semantics.from_exclusive:
            return False
        if last and at > int(last[-1]) - semantics.to_exclusive:
            return False
    wanted = [value for name in ("filter[id]", "filter[id][]") for value in params.get(name, [])]
    if wanted and str(each["id"]) not in wanted:
        return False
    pairs = _statuses(params)
    return not pairs or (str(each["pipeline_id"]), str(each["status_id"])) in pairs


def _statuses(params: Mapping[str, list[str]]) -> set[tuple[str, str]]:
    found = set()
    for name, values in params.items():
        if match := re.fullmatch(r"filter\[statuses\]\[(\d+)\]\[pipeline_id\]", name):
            status = params.get(f"filter[statuses][{match[1]}][status_id]")
            found |= {(values[-1], status[-1])} if status else set()
    return found
