"""`/api/v4/contacts` and `/api/v4/companies`: lists of records that are linked to leads, and single ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from amocrm_assets.sandbox.account.links import company_of, contacts_of_company
from amocrm_assets.sandbox.account.query import lead_query
from amocrm_assets.sandbox.http import custom_lists_api
from amocrm_assets.sandbox.http.api import authorised, extras_of, linked_to, page_links, world_of
from amocrm_assets.sandbox.http.responses import hal, nothing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from amocrm_assets.sandbox.account.contact_content import ContactContent
    from amocrm_assets.sandbox.account.linked import LinkedRecords
    from amocrm_assets.sandbox.world import Sandbox

    Endpoint = Callable[[Request], Awaitable[Response]]

Json = dict[str, Any]


def routes() -> list[Route]:
    """A list and its single records, for contacts and for companies."""
    found = []
    for name in ("contacts", "companies"):
        found += [
            Route(f"/api/v4/{name}", authorised(_list(name))),
            Route(f"/api/v4/{name}/{{id:int}}", authorised(_one(name))),
        ]
    return found


def records_of(sandbox: Sandbox, name: str) -> LinkedRecords[ContactContent]:
    """The records of a list."""
    return sandbox.contacts if name == "contacts" else sandbox.companies


def _list(name: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        sandbox = world_of(request)
        if name in sandbox.custom_lists:
            return custom_lists_api.records(request, name)
        query = lead_query(request.query_params.multi_items(), sandbox.options)
        page = records_of(sandbox, name).page(query)
        request.state.rows = len(page.leads)
        if not page.leads:
            return nothing()
        shown = [_linked(name, each, request) for each in page.leads]
        links = page_links(request, query.page, has_next=page.has_next)
        return hal(
            {"_page": query.page, "_links": links, "_embedded": {name: shown}},
            escaped=sandbox.options.escaped_json,
        )

    return endpoint


def _one(name: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        record = records_of(world_of(request), name).record(request.path_params["id"])
        return hal(_linked(name, record, request)) if record else nothing()

    return endpoint


def _linked(name: str, record: Json, request: Request) -> Json:
    """The record with its embedded records; its leads, and a company's contacts, if `with` names them."""
    sandbox, extras, base = world_of(request), extras_of(request), f"{request.base_url}api/v4"
    embedded: Json = {"tags": []}
    if name == "contacts":
        embedded["companies"] = []
    if not record["is_deleted"]:
        embedded["tags"] = records_of(sandbox, name).content.tags(record["id"], sandbox.clock.now())
        company = company_of(record["id"], sandbox.options.seed)
        if name == "contacts" and company is not None and sandbox.companies.is_listed(company):
            embedded["companies"] = [linked_to("companies", company, base)]
        if "leads" in extras:
            leads = records_of(sandbox, name).leads_of(record["id"])
            embedded["leads"] = [linked_to("leads", each, base) for each in leads]
        if name == "companies" and "contacts" in extras:
            people = filter(sandbox.contacts.record, contacts_of_company(record["id"]))
            embedded["contacts"] = [linked_to("contacts", each, base) for each in people]
    return record | {"_links": {"self": {"href": f"{base}/{name}/{record['id']}"}}, "_embedded": embedded}
