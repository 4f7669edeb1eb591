"""The addresses of the small lists: pipelines, users, loss reasons, fields, tags, and their single records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from amocrm_assets.sandbox.account.query import read_filters
from amocrm_assets.sandbox.account.reference import Reference
from amocrm_assets.sandbox.http.api import authorised, paged, world_of
from amocrm_assets.sandbox.http.responses import hal, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from amocrm_assets.sandbox.world import Sandbox

    Json = dict[str, Any]
    Items = Callable[[Request], list[Json]]

_ENTITIES = ("leads", "contacts", "companies")


def routes() -> list[Route]:
    """The addresses of the small lists."""
    found = [
        Route("/api/v4/leads/pipelines", authorised(_pipelines)),
        Route("/api/v4/leads/pipelines/{pipeline:int}/statuses", authorised(_statuses)),
        Route("/api/v4/leads/pipelines/{pipeline:int}/statuses/{id:int}", _one(_stages)),
        Route("/api/v4/leads/pipelines/{id:int}", _one(_listed_pipelines)),
        Route("/api/v4/users", _list("users", _users, totals=True)),
        Route("/api/v4/users/{id:int}", _one(_users)),
        Route("/api/v4/leads/loss_reasons", _list("loss_reasons", _loss_reasons)),
        Route("/api/v4/leads/loss_reasons/{id:int}", _one(_loss_reasons)),
    ]
    for entity_type in _ENTITIES:
        fields, tags = _fields_of(entity_type), _tags_of(entity_type)
        found += [
            Route(f"/api/v4/{entity_type}/custom_fields", _list("custom_fields", fields, totals=True)),
            Route(f"/api/v4/{entity_type}/custom_fields/{{id:int}}", _one(fields)),
            Route(f"/api/v4/{entity_type}/tags", _list("tags", tags)),
        ]
    return found


def _reference(sandbox: Sandbox) -> Reference:
    return Reference(sandbox.account.content, sandbox.options.account_id)


def _list(name: str, items: Items, *, totals: bool = False) -> Any:
    async def endpoint(request: Request) -> Response:
        return paged(request, name, items(request), totals=totals)

    return authorised(endpoint)


def _one(items: Items) -> Any:
    async def endpoint(request: Request) -> Response:
        wanted = request.path_params["id"]
        found = next((each for each in items(request) if each["id"] == wanted), None)
        return hal(found) if found else nothing()

    return authorised(endpoint)


def _users(request: Request) -> list[Json]:
    sandbox = world_of(request)
    return _reference(sandbox).users(sandbox.clock.now())


def _loss_reasons(request: Request) -> list[Json]:
    return world_of(request).account.content.loss_reasons


def _listed_pipelines(request: Request) -> list[Json]:
    sandbox = world_of(request)
    return _reference(sandbox).pipelines(sandbox.clock.now())


def _fields_of(entity_type: str) -> Items:
    def fields(request: Request) -> list[Json]:
        sandbox = world_of(request)
        known = _reference(sandbox).custom_fields(entity_type, sandbox.clock.now())
        filters = read_filters(request.query_params.multi_items())
        wanted = {kind for (name, _), kinds in filters.items() if name == "type" for kind in kinds}
        return [each for each in known if not wanted or each["type"] in wanted]

    return fields


def _tags_of(entity_type: str) -> Items:
    def tags(request: Request) -> list[Json]:
        sandbox = world_of(request)
        return _reference(sandbox).tags(entity_type, sandbox.clock.now())

    return tags


async def _pipelines(request: Request) -> Response:
    """The whole list: it has no pages."""
    return _whole(request, "pipelines", _listed_pipelines(request))


async def _statuses(request: Request) -> Response:
    stages = _stages(request)
    return _whole(request, "statuses", stages) if stages else nothing()


def _stages(request: Request) -> list[Json]:
    """The stages of a pipeline, each of which has some."""
    wanted = request.path_params["pipeline"]
    pipelines = (each for each in _listed_pipelines(request) if each["id"] == wanted)
    return [stage for each in pipelines for stage in each["_embedded"]["statuses"]]


def _whole(request: Request, name: str, records: list[Json]) -> Response:
    links = {"self": {"href": str(request.url)}}
    return hal({"_total_items": len(records), "_links": links, "_embedded": {name: records}})
