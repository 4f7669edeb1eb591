"""The stand-in's `/api/v4/events`: a list of dicts that is filtered, put in some order and sliced. No HTTP.

Written from the public description of the list alone, as the rest of the stand-in is.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

from amocrm_assets_tests.standin.account import ACCOUNT_ID, PIPELINE_ID, STATUS, USER_ID
from amocrm_assets_tests.standin.pages import NOTHING, Reply, number, page_links, page_size, problem

if TYPE_CHECKING:
    from amocrm_assets_tests.standin.account import Json, StandInAccount
    from amocrm_assets_tests.standin.pages import Params
    from amocrm_assets_tests.standin.semantics import Semantics

KINDS = ("lead_added", "lead_status_changed", "entity_responsible_changed", "lead_deleted", "task_added")


class EventPages:
    """Answers to `/api/v4/events`; counts them, since some switches are about the n-th one."""

    def __init__(self, account: StandInAccount, semantics: Semantics) -> None:
        self._account = account
        self._semantics = semantics
        self._turns = itertools.count(1)

    def reply(self, params: Params, base: str) -> Reply:
        """The page that the request names, as this account gives it."""
        semantics, turn = self._semantics, next(self._turns)
        limit = page_size(params, semantics.events_limit_max, semantics)
        if limit is None:
            return problem(400)
        if turn in semantics.events_fail_on:
            return Reply(504)
        if turn in semantics.events_empty_on:
            return NOTHING
        rows = self._ordered([each for each in self._account.events if self._is_wanted(each, params)])
        page = max(1, number(params, "page", 1))
        slice_ = rows[(page - 1) * limit : page * limit]
        if semantics.events_end_after is not None:
            slice_, rows = slice_[: max(semantics.events_end_after - (page - 1) * limit, 0)], []
        if turn in semantics.events_halved_on:
            slice_, rows = slice_[: len(slice_) // 2], []
        if not slice_:
            return NOTHING
        links = page_links(params, base, page, has_next=page * limit < len(rows))
        if semantics.events_links == "next always":
            links = {"next": links["self"], **links}
        if semantics.events_links == "without next":
            links.pop("next", None)
        return Reply(200, {"_page": page, "_links": links, "_embedded": {"events": slice_}})

    def _ordered(self, rows: list[Json]) -> list[Json]:
        match self._semantics.events_order:
            case "newest":
                return sorted(rows, key=lambda each: (-each["created_at"], each["id"]))
            case "oldest":
                return sorted(rows, key=lambda each: (each["created_at"], each["id"]))
            case "by id":
                return sorted(rows, key=lambda each: str(each["id"]))
        return random.sample(rows, len(rows))

    def _is_wanted(self, each: Json, params: Params) -> bool:
        semantics = self._semantics
        first, last = (params.get(f"filter[created_at][{end}]") for end in ("from", "to"))
        if semantics.events_filter and first and each["created_at"] < int(first[-1]) + semantics.from_exclusive:
            return False
        if semantics.events_filter and last and each["created_at"] > int(last[-1]) - semantics.to_exclusive:
            return False
        types = ",".join(params.get("filter[type]", [])).split(",")
        if types == [""]:
            return each["type"] not in semantics.events_unnamed_omits
        return not semantics.events_types_filter or each["type"] in types


def many_events(seed: int, count: int, from_at: int, to_at: int, *, tied: int = 0) -> list[Json]:
    """So many events at random seconds of an interval, half of them in two busy hours, `tied` in one second."""
    rng = random.Random(f"events {seed}")
    tie_at, rush_at = rng.randint(from_at, to_at), rng.randint(from_at, max(from_at, to_at - 7200))
    times = [tie_at] * tied + [
        rng.randint(from_at, to_at) if rng.random() < 0.5 else rush_at + rng.randrange(min(7200, to_at - from_at))
        for _ in range(count - tied)
    ]
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    made = []
    for at in times:
        kind = rng.choice(KINDS)
        stages = [{"lead_status": {"id": STATUS + step, "pipeline_id": PIPELINE_ID}} for step in (0, 1)]
        is_move = kind == "lead_status_changed"
        made.append({
            "id": "01" + "".join(rng.choices(letters, k=24)),
            "type": kind,
            "entity_id": rng.randint(100_000, 900_000),
            "entity_type": "task" if kind == "task_added" else "lead",
            "created_by": USER_ID,
            "created_at": at,
            "value_before": stages[:1] if is_move else [],
            "value_after": stages[1:] if is_move else [],
            "account_id": ACCOUNT_ID,
        })  # fmt: skip
    return made
