"""Pages of the stand-in's lists: which slice, under which links, in which shape. No HTTP."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from amocrm_assets_tests.standin.account import WITH, listed, ordered, stub, wants_trash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amocrm_assets_tests.standin.account import Json, StandInAccount
    from amocrm_assets_tests.standin.semantics import Semantics

Params = dict[str, list[str]]


@dataclass(frozen=True)
class Reply:
    """What is sent: a status, and JSON or nothing."""

    status: int
    body: Any = None


NOTHING = Reply(204)
# What comes with a record when `with` asks for it, as long as nothing hangs on it.
HANGING: dict[str, Json] = {
    "leads": {"contacts": [], "loss_reason": [], "catalog_elements": [], "source": None},
    "contacts": {"leads": []},
    "companies": {"leads": []},
    "tasks": {},
    "notes": {},
}


class LeadPages:
    """Answers to `/api/v4/leads`, or of contacts; counts them, since some switches are
    about the n-th one.
    """

    def __init__(self, account: StandInAccount, semantics: Semantics, embedded: str = "leads") -> None:
        self._embedded = embedded
        self._account = account
        self._semantics = semantics
        self._live = itertools.count(1)
        self._trash = itertools.count(1)

    def reply(self, params: Params, base: str) -> Reply:
        """The page that the request names, as this account gives it."""
        semantics = self._semantics
        trash = wants_trash(params)
        turn = next(self._trash if trash else self._live)
        if trash and semantics.only_deleted in {"400", "403"}:
            return problem(int(semantics.only_deleted))
        if semantics.gateway_timeout_above and number(params, "limit", 50) > semantics.gateway_timeout_above:
            return Reply(504)
        if not trash and "with" in params and semantics.details != "given":
            return problem(400) if semantics.details == "400" else Reply(504)
        if trash and semantics.only_deleted == "odd once" and turn == 1:
            params = {name: values for name, values in params.items() if name != "with"}
        return self._page(params, base, turn)

    def _page(self, params: Params, base: str, turn: int) -> Reply:
        semantics = self._semantics
        limit = page_size(params, semantics.limit_max, semantics)
        if limit is None:
            return problem(400)
        page = max(1, number(params, "page", 1))
        too_deep = semantics.depth_max is not None and page >= semantics.depth_max
        if semantics.depth_max is not None and page > semantics.depth_max:
            return problem(400) if semantics.beyond_depth == "400" else NOTHING
        rows = listed(self._account, params, semantics)
        slice_ = rows[(page - 1) * limit : page * limit]
        if not slice_ and page > 1:
            return {"204": NOTHING, "404": problem(404)}.get(
                semantics.past_end, Reply(200, {"_page": page, "_links": {}, "_embedded": {self._embedded: []}})
            )
        if not slice_:
            return NOTHING
        if self._order(params) == "within pages":
            slice_ = ordered(slice_, params, semantics)
        has_next = page * limit < len(rows) and not (too_deep and semantics.beyond_depth == "no next")
        if wants_trash(params):
            turn = 0  # odd links are counted on the list of live leads
        body: Json = {"_page": page, "_embedded": {self._embedded: [self._shown(each, params) for each in slice_]}}
        return Reply(200, body | self._links(page_links(params, base, page, has_next=has_next), turn))

    def _order(self, params: Params) -> str:
        return self._semantics.trash_order if wants_trash(params) else self._semantics.order

    def _links(self, right: Json, turn: int) -> Json:
        semantics = self._semantics
        if semantics.odd_links_on and turn not in semantics.odd_links_on:
            return {"_links": right}
        odd: dict[str, Json] = {
            "right": {"_links": right},
            "missing": {},
            "null": {"_links": None},
            "list": {"_links": []},
            "without next": {"_links": {name: link for name, link in right.items() if name != "next"}},
            "next always": {"_links": {"next": right["self"], **right}},
        }
        return odd[semantics.links]

    def _shown(self, full: Json, params: Params) -> Json:
        each = stub(full) if full["is_deleted"] else dict(full)
        if not full["is_deleted"]:
            wanted = set(params.get("with", [""])[-1].split(",")) - set(self._semantics.unknown_with)
            hanging = HANGING[self._embedded] | full["_embedded"]
            each["_embedded"] = {
                name: value for name, value in hanging.items() if name in wanted or name not in {*WITH, "leads"}
            }
            each |= {
                name: full.get(name) for name in ("source_id", "is_price_modified_by_robot") if name in wanted
            }
        if self._semantics.numbers_as_text:
            each |= {name: str(each[name]) for name in ("id", "updated_at") if each[name] is not None}
        return each


def plain_list(items: list[Json], name: str, params: Params, base: str, *, limit: int | None) -> Reply:
    """A page of a list that behaves, with totals. `limit` None: a limit that was refused."""
    if limit is None:
        return problem(400)
    page = max(1, number(params, "page", 1))
    rows = items[(page - 1) * limit : page * limit]
    if not rows:
        return NOTHING
    links = page_links(params, base, page, has_next=page * limit < len(items))
    return Reply(200, {"_total_items": len(items), "_page": page, "_links": links, "_embedded": {name: rows}})


def page_size(params: Params, maximum: int, semantics: Semantics) -> int | None:
    """How many fit on a page; None where so large a limit is an error."""
    limit = number(params, "limit", 50)
    if 1 <= limit <= maximum:
        return limit
    return {"50": min(50, maximum), "maximum": maximum}.get(semantics.above_limit_max)


def page_links(params: Params, base: str, page: int, *, has_next: bool) -> Json:
    """Addresses of this page and its neighbours."""

    def address(to: int) -> Json:
        return {"href": f"{base}?{urlencode({**params, 'page': [str(to)]}, doseq=True)}"}

    links = {"self": address(page)}
    if page > 1:
        links["prev"] = address(page - 1)
    return links | ({"next": address(page + 1)} if has_next else {})


def problem(status: int) -> Reply:
    """An error of the application."""
    titles = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
    title = titles.get(status, "Error")
    return Reply(status, {"title": title, "type": f"https://httpstatus.es/{status}", "status": status})


def number(params: Mapping[str, list[str]], name: str, otherwise: int) -> int:
    """A whole number among the parameters."""
    value = params.get(name, [""])[-1]
    return int(value) if value.isdecimal() else otherwise
