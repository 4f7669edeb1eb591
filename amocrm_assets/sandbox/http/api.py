"""`/api/v4`: the account, its leads, as amoCRM responds without faults.

The small lists are in `reference_api`, events in `events_api`. Errors of the gateway, the limit and faults are in
`gateway`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import Route

from amocrm_assets.sandbox.account.leads import mixed
from amocrm_assets.sandbox.account.links import company_of_lead, contacts_of
from amocrm_assets.sandbox.account.query import lead_query, page_and_limit
from amocrm_assets.sandbox.account.reference import account_extras
from amocrm_assets.sandbox.http.responses import HAL, as_json, hal, nothing, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from amocrm_assets.sandbox.world import Sandbox

Json = dict[str, Any]
_NAME = "Песочница «Ромашка»"
_LEADS_PER_TURN = 25  # then other requests run: the limit counts them by their arrival


def routes() -> list[Route]:
    """The addresses of the account and its leads."""
    return [
        Route("/api/v4/account", authorised(_account)),
        Route("/api/v4/leads", authorised(_leads)),
        Route("/api/v4/leads/{lead_id:int}", authorised(_lead)),
    ]


def world_of(request: Request) -> Sandbox:
    """The sandbox that a request is for."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def authorised(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for requests with a valid token."""

    async def endpoint(request: Request) -> Response:
        sandbox = world_of(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or sandbox.options.renamed_to or not sandbox.tokens.accepts(token):
            return problem(401, "Неверный логин или пароль")
        return await handler(request)

    return endpoint


async def _account(request: Request) -> Response:
    sandbox = world_of(request)
    options = sandbox.options
    extras = extras_of(request)
    account: Json = {
        "id": options.account_id,
        "name": _NAME,
        "subdomain": options.subdomain,
        "created_at": 0,
        "created_by": 0,
        "updated_at": 0,
        "updated_by": 0,
        "current_user_id": sandbox.account.content.users[0]["id"],
        "country": "RU",
        "currency": "RUB",
        "currency_symbol": "₽",
        "customers_mode": "unavailable",
        "is_unsorted_on": True,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
        "_links": {"self": {"href": str(request.url)}},
    }
    if "is_api_filter_enabled" in extras:
        account["is_api_filter_enabled"] = options.filters_enabled
    if "version" in extras:
        account["version"] = 11
    if "datetime_settings" in extras:
        account["_embedded"] = {"datetime_settings": _datetime_settings(sandbox)}
    if known := account_extras(extras):
        account["_embedded"] = account.get("_embedded", {}) | known
    return hal(account)


def _datetime_settings(sandbox: Sandbox) -> Json:
    local = datetime.fromtimestamp(sandbox.clock.now(), ZoneInfo(sandbox.options.timezone))
    return {
        "date_pattern": "d.m.Y H:i",
        "short_date_pattern": "d.m.Y",
        "short_time_pattern": "H:i",
        "date_format": "d.m.Y",
        "time_format": "H:i:s",
        "timezone": sandbox.options.timezone,
        "timezone_offset": f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:],
    }


async def _leads(request: Request) -> Response:
    sandbox = world_of(request)
    query = lead_query(request.query_params.multi_items(), sandbox.options)
    page = sandbox.account.page(query)
    request.state.rows = len(page.leads)
    if not page.leads:
        return nothing()
    base = f"{request.base_url}api/v4"
    rendered = []
    for place, lead in enumerate(page.leads, start=1):
        rendered.append(as_json(_linked(lead, base, query.extras, sandbox), escaped=sandbox.options.escaped_json))
        if place % _LEADS_PER_TURN == 0:
            await asyncio.sleep(0)
    links = as_json(page_links(request, query.page, has_next=page.has_next))
    text = f'{{"_page":{query.page},"_links":{links},"_embedded":{{"leads":[{",".join(rendered)}]}}}}'
    return Response(text.encode(), media_type=HAL)


async def _lead(request: Request) -> Response:
    sandbox = world_of(request)
    lead = sandbox.account.lead(request.path_params["lead_id"])
    if lead is None:
        return nothing()
    base = f"{request.base_url}api/v4"
    return hal(_linked(lead, base, extras_of(request), sandbox), escaped=sandbox.options.escaped_json)


def _linked(lead: Json, base: str, extras: frozenset[str], sandbox: Sandbox) -> Json:
    """The lead with its links and embedded records, more of them if `with` names them."""
    drawn = mixed(lead["id"], sandbox.options.seed)
    embedded: Json = {"tags": [], "companies": []}
    if not lead["is_deleted"]:
        company = company_of_lead(lead["id"], sandbox.options.seed)
        embedded["tags"] = sandbox.account.content.tags(lead["id"])
        if company is not None and sandbox.companies.is_listed(company):
            embedded["companies"] = [linked_to("companies", company, base)]
        _add_extras(lead, embedded, extras, sandbox, drawn)
        lead = lead | _extra_properties(extras, drawn)
    return lead | {"_links": _self(f"{base}/leads/{lead['id']}"), "_embedded": embedded}


def _add_extras(lead: Json, embedded: Json, extras: frozenset[str], sandbox: Sandbox, drawn: int) -> None:
    if "contacts" in extras:
        named = [
            {"id": contact, "is_main": not place}
            for place, contact in enumerate(contacts_of(lead["id"], sandbox.options.seed))
            if sandbox.contacts.is_listed(contact)
        ]
        embedded["contacts"] = [] if sandbox.options.loses_contacts else named
    if "loss_reason" in extras:
        reasons = [each for each in sandbox.account.content.loss_reasons if each["id"] == lead["loss_reason_id"]]
        embedded["loss_reason"] = reasons[0] if reasons and sandbox.options.loss_reason_as_object else reasons
    if "catalog_elements" in extras:
        embedded["catalog_elements"] = _products(drawn)
    if "source" in extras:
        embedded["source"] = _source(drawn)


def _products(drawn: int) -> list[Json]:
    """Up to two elements of the account's lists (`catalog_elements`)."""
    return [
        {
            "id": 71_000_001 + (drawn + place) % 40,
            "metadata": {"quantity": 1 + drawn % 3, "catalog_id": 7001, "price_id": None},
        }
        for place in range(drawn % 3)
    ]


def _source(drawn: int) -> Json | None:
    """Where the lead came from; a lead that a user enters has no source."""
    return (None, {"id": 61, "name": "Форма на сайте"}, {"id": 62, "name": "Чат на сайте"})[drawn % 3]


def _extra_properties(extras: frozenset[str], drawn: int) -> Json:
    source = _source(drawn)
    values = {"source_id": source and source["id"], "is_price_modified_by_robot": drawn % 7 == 0}
    return {name: value for name, value in values.items() if name in extras}


def paged(request: Request, name: str, items: list[Json], *, totals: bool = False) -> Response:
    """A page of a list that is complete in memory."""
    page, limit = page_and_limit(request.query_params.multi_items(), world_of(request).options)
    chosen = items[(page - 1) * limit : page * limit]
    request.state.rows = len(chosen)
    if not chosen:
        return nothing()
    links = page_links(request, page, has_next=page * limit < len(items))
    counts = {"_total_items": len(items), "_page_count": -(-len(items) // limit)} if totals else {}
    return hal({**counts, "_page": page, "_links": links, "_embedded": {name: chosen}})


def page_links(request: Request, page: int, *, has_next: bool) -> Json:
    """Absolute addresses that repeat the parameters, brackets encoded."""
    params = [(name, value) for name, value in request.query_params.multi_items() if name != "page"]

    def address(number: int) -> Json:
        return {"href": str(request.url.replace(query=urlencode([*params, ("page", number)])))}

    links = {"self": address(page)}
    if has_next:
        links["next"] = address(page + 1)
    if page > 1:
        links["prev"] = address(page - 1)
    return links


def extras_of(request: Request) -> frozenset[str]:
    return frozenset(request.query_params.get("with", "").split(","))


def linked_to(name: str, record_id: int, base: str) -> Json:
    """A record that is embedded in another one."""
    return {"id": record_id, "_links": _self(f"{base}/{name}/{record_id}")}


def _self(address: str) -> Json:
    return {"self": {"href": address}}
