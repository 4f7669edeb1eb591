"""`/api/v4/{name}`: the lists that tests add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from amocrm_assets.sandbox.http.api import authorised, page_links, paged, world_of
from amocrm_assets.sandbox.http.responses import hal, nothing, unknown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def routes() -> list[Route]:
    """They follow the addresses of the lists that the sandbox generates."""
    return [
        Route("/api/v4/{name:str}", authorised(_records)),
        Route("/api/v4/{name:str}/custom_fields", authorised(_fields)),
    ]


async def _records(request: Request) -> Response:
    name = request.path_params["name"]
    return records(request, name) if name in world_of(request).custom_lists else unknown(request)


def records(request: Request, name: str) -> Response:
    """A page of an added list, also if the sandbox generates one of that name."""
    sandbox = world_of(request)
    page, listed, has_next = sandbox.custom_lists[name].page(request.query_params.multi_items(), sandbox.options)
    request.state.rows = len(listed)
    if not listed:
        return nothing()
    links = page_links(request, page, has_next=has_next)
    return hal({"_page": page, "_links": links, "_embedded": {name: listed}})


async def _fields(request: Request) -> Response:
    given = world_of(request).custom_lists.get(request.path_params["name"])
    return paged(request, "custom_fields", list(given.custom_fields), totals=True) if given else unknown(request)
