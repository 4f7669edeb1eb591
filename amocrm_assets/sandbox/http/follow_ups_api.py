"""`/api/v4/tasks`, and the notes of leads, contacts and companies: lists and single records.

Their filters are not a paid option, and they have no trash. Tasks cannot be sorted by `updated_at`.
https://www.amocrm.ru/developers/content/crm_platform/tasks-api
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from amocrm_assets.sandbox.account.links import OWNERS
from amocrm_assets.sandbox.account.query import lead_query, read_filters
from amocrm_assets.sandbox.http import custom_lists_api
from amocrm_assets.sandbox.http.api import authorised, page_links, world_of
from amocrm_assets.sandbox.http.responses import hal, nothing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from amocrm_assets.sandbox.account.follow_ups import FollowUps
    from amocrm_assets.sandbox.world import Sandbox

    Endpoint = Callable[[Request], Awaitable[Response]]
    Records = Callable[[Sandbox], FollowUps]

Json = dict[str, Any]
# Filters by the property that they are about.
_OF_TASKS = {
    "id": "id", "created_by": "created_by", "responsible_user_id": "responsible_user_id",
    "task_type": "task_type_id", "is_completed": "is_completed", "entity_type": "entity_type",
    "entity_id": "entity_id",
}  # fmt: skip
_OF_NOTES = {"id": "id", "note_type": "note_type", "entity_id": "entity_id"}
_DEADLINE = "complete_till"


def routes() -> list[Route]:
    """A list and its single records, for tasks and for the notes of each kind of records."""
    found = _routes("tasks", "tasks", lambda sandbox: sandbox.tasks, _OF_TASKS)
    for owners in OWNERS:
        records = notes_of(owners)
        found += _routes(f"{owners}/notes", "notes", records, _OF_NOTES)
        one_owners = authorised(_list("notes", records, _OF_NOTES))
        found.append(Route(f"/api/v4/{owners}/{{owner:int}}/notes", one_owners))
    return found


def notes_of(owners: str) -> Records:
    """The notes of leads, contacts or companies."""
    return lambda sandbox: sandbox.notes[owners]


def _routes(path: str, name: str, records: Records, filters: Mapping[str, str]) -> list[Route]:
    return [
        Route(f"/api/v4/{path}", authorised(_list(name, records, filters))),
        Route(f"/api/v4/{path}/{{id:int}}", authorised(_one(records))),
    ]


def _list(name: str, records: Records, filters: Mapping[str, str]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        sandbox, params = world_of(request), request.query_params.multi_items()
        if name in sandbox.custom_lists:
            return custom_lists_api.records(request, name)
        query = lead_query(params, replace(sandbox.options, filters_enabled=True))
        query = replace(query, choices={}, intervals=(), statuses=frozenset(), words="")
        order = None
        if name == "tasks" and query.order == "updated_at":
            query = replace(query, order="id", descending=False)
        elif name == "tasks" and (wanted := request.query_params.get(f"order[{_DEADLINE}]")):
            query, order = replace(query, descending=wanted == "desc"), _DEADLINE
        page = records(sandbox).page(query, _wanted(request, filters), order=order)
        request.state.rows = len(page.leads)
        if not page.leads:
            return nothing()
        links = page_links(request, query.page, has_next=page.has_next)
        embedded = {name: [_linked(each, request) for each in page.leads]}
        return hal(
            {"_page": query.page, "_links": links, "_embedded": embedded}, escaped=sandbox.options.escaped_json
        )

    return endpoint


def _one(records: Records) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        record = records(world_of(request)).record(request.path_params["id"])
        return hal(_linked(record, request)) if record else nothing()

    return endpoint


def _wanted(request: Request, known: Mapping[str, str]) -> Callable[[Json], bool] | None:
    """Whether a record passes the filters, by whole values; None where there are none."""
    choices: dict[str, set[str]] = {}
    for (name, _), values in read_filters(request.query_params.multi_items()).items():
        if name in known:
            choices.setdefault(known[name], set()).update(part for text in values for part in text.split(","))
    if "owner" in request.path_params:
        choices["entity_id"] = {str(request.path_params["owner"])}
    if not choices:
        return None
    return lambda record: all(_written(record[name]) in wanted for name, wanted in choices.items())


def _written(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _linked(record: Json, request: Request) -> Json:
    """The record with its own address."""
    path = request.url.path.rstrip("/")
    address = path if path.endswith(f"/{record['id']}") else f"{path}/{record['id']}"
    return record | {"_links": {"self": {"href": f"{str(request.base_url).rstrip('/')}{address}"}}}
