"""`/api/v4/events`: the list of events, a single one, and the list of their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from amocrm_assets.sandbox.account.event_feed import KINDS
from amocrm_assets.sandbox.account.event_query import WrongFilter, event_page
from amocrm_assets.sandbox.http.api import authorised, page_links, world_of
from amocrm_assets.sandbox.http.responses import hal, nothing, problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def routes() -> list[Route]:
    """The addresses of events."""
    return [
        Route("/api/v4/events", authorised(_events)),
        Route("/api/v4/events/types", authorised(_types)),
        Route("/api/v4/events/{id:str}", authorised(_event)),
    ]


async def _events(request: Request) -> Response:
    sandbox = world_of(request)
    try:
        page = event_page(sandbox.events, request.query_params.multi_items(), sandbox.options)
    except WrongFilter as error:
        return problem(400, str(error))
    request.state.rows = len(page.events)
    if not page.events:
        return nothing()
    base = f"{request.base_url}api/v4"
    shown = [event.shown(sandbox.options.account_id, base) for event in page.events]
    links = page_links(request, page.number, has_next=page.has_next)
    return hal({"_page": page.number, "_links": links, "_embedded": {"events": shown}})


async def _event(request: Request) -> Response:
    sandbox = world_of(request)
    event_id = request.path_params["id"]
    at = int(event_id[:10]) if event_id[:10].isdecimal() else -1
    found = next((each for each in sandbox.events.between(at, at) if each.id == event_id), None)
    base = f"{request.base_url}api/v4"
    return hal(found.shown(sandbox.options.account_id, base)) if found else nothing()


async def _types(request: Request) -> Response:
    types = [{"key": kind, "type": number, "lang": kind} for number, kind in enumerate(KINDS, start=1)]
    links = {"self": {"href": str(request.url)}}
    return hal({"_total_items": len(types), "_links": links, "_embedded": {"events_types": types}})
