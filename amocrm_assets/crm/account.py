"""Reads the account's own data: its id and name, its time zone and options, and its custom fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.crm.pagination.pages import has_next, number_of
from amocrm_assets.crm.pagination.whole_lists import require_records
from amocrm_assets.entities.reference import PIPELINES
from amocrm_assets.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response

ACCOUNT_PATH = "/api/v4/account"
ACCOUNT_PARAMS = {"with": "datetime_settings,is_api_filter_enabled"}
# amoCRM's documentation says 50 in one place and 250 in another; only `next` shows the end.
FIELDS_LIMIT = 250
MAX_FIELD_PAGES = 1000
# amoCRM's plans allow 100 to 400. Every capture contains all of them.
MAX_FIELDS = 20_000


@dataclass(frozen=True)
class Account:
    """An amoCRM account (https://www.amocrm.ru/developers/content/crm_platform/account-info)."""

    id: int
    name: str
    subdomain: str
    timezone: str | None
    filters_enabled: bool | None
    current_user_id: int | None


def read_account(client: AmoCrmClient) -> Account:
    """The account that the token belongs to."""
    return client.request(ACCOUNT_PATH, ACCOUNT_PARAMS, _account)


def account_of_client(client: AmoCrmClient) -> Account:
    """The account that the token belongs to, requested once by each client: its authorisation stays the same."""
    return client.remembered(ACCOUNT_PATH, ACCOUNT_PARAMS, _account)


def read_custom_fields(client: AmoCrmClient, path: str) -> list[dict[str, Any]]:
    """All custom fields of an entity, as amoCRM describes them. `path` is the address of their list.

    The list ends according to its own count or, without one, at an empty page after the last one: a page without
    `next` may be damaged. An empty page is repeated after a list was seen that has records. Raises
    `UnexpectedAnswer` if a page contains only fields of earlier pages twice, and has a `next`: the rest of the
    list cannot be determined.
    """
    fields: dict[str, dict[str, Any]] = {}
    page, end_said = 1, False
    while page <= MAX_FIELD_PAGES:
        found = client.request(path, {"page": page, "limit": FIELDS_LIMIT}, _fields_page)
        new = {_key(field): field for field in found.fields}
        is_empty = new.keys() <= fields.keys()
        fields |= new
        if len(fields) > MAX_FIELDS:
            raise _too_many(path, f"there are more than {MAX_FIELDS:,}.")
        repeats = bool(found.fields) and found.has_next and len(fields) != found.total
        if end_said and is_empty and repeats:
            raise _repeating(path, page)
        if (end_said and is_empty) or (not found.has_next and len(fields) == found.total):
            return list(fields.values())
        if not found.fields:
            require_records(client, PIPELINES)
        end_said = is_empty or not found.has_next
        page += not is_empty  # an empty page is requested twice
    raise _too_many(path, f"there is a next page after page {MAX_FIELD_PAGES}.")


def _key(field: dict[str, Any]) -> str:
    """The identity of a field: its id, or all of its properties if it has none."""
    return str(field["id"]) if field.get("id") is not None else json.dumps(field, sort_keys=True)


def _too_many(path: str, cause: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"Reading {path}", cause=cause, fix="Report this: no account has so many fields.")


def _repeating(path: str, page: int) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"Reading {path}",
        cause=f"page {page} twice contained only fields of earlier pages, and has a next page.",
        fix="Check whether a proxy caches responses; if there is none, report this.",
    )


def _account(response: Response) -> Account:
    try:
        return account_of(response.json())
    except (KeyError, TypeError, ValueError) as error:
        raise RetryableError("an account without id", status=response.status) from error


def account_of(body: Any) -> Account:
    """The account in a decoded response. Raises `KeyError`, `TypeError` or `ValueError` without an id."""
    account_id = number_of(body["id"])
    if account_id is None:
        raise ValueError("the account's id is no integer")
    embedded = body.get("_embedded")
    settings = embedded.get("datetime_settings") if isinstance(embedded, dict) else None
    return Account(
        id=account_id,
        name=str(body.get("name") or ""),
        subdomain=str(body.get("subdomain") or ""),
        timezone=settings.get("timezone") if isinstance(settings, dict) else None,
        filters_enabled=body.get("is_api_filter_enabled"),
        current_user_id=number_of(body.get("current_user_id")),
    )


@dataclass(frozen=True)
class _FieldsPage:
    """`total` is amoCRM's own count of all fields, None without one."""

    fields: list[dict[str, Any]]
    has_next: bool
    total: int | None


def _fields_page(response: Response) -> _FieldsPage:
    if response.status == NO_CONTENT:
        return _FieldsPage([], has_next=False, total=None)
    body = response.json()
    try:
        found = [field for field in body["_embedded"]["custom_fields"] if isinstance(field, dict)]
        links, total = body.get("_links"), body.get("_total_items")
    except (KeyError, TypeError) as error:
        raise RetryableError("a page without custom fields", status=response.status) from error
    return _FieldsPage(found, has_next(links, response), total if isinstance(total, int) else None)
