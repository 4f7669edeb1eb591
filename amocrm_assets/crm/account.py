"""What amoCRM tells of the account itself: who it is, its zone and options, and its custom fields.

Only asking and naming happens here. Whether an account fits a source is judged by those who know the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pages import has_next
from amocrm_assets.crm.responses import RetryableError
from amocrm_assets.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from amocrm_assets.crm.client import AmoCrmClient
    from amocrm_assets.crm.responses import Response

# amoCRM's page on custom fields says 50 in one place and 250 in another; the end is known by `next` alone.
CATALOGUE_LIMIT = 250
MAX_CATALOGUE_PAGES = 1000
# amoCRM's plans allow 100 to 400. Every capture holds them all.
MAX_CATALOGUE_FIELDS = 20_000


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
    return client.request("/api/v4/account", {"with": "datetime_settings,is_api_filter_enabled"}, _account)


def read_catalogue(client: AmoCrmClient) -> list[dict[str, Any]]:
    """All custom fields of leads, as amoCRM describes them."""
    fields: list[dict[str, Any]] = []
    for page in range(1, MAX_CATALOGUE_PAGES + 1):
        found, has_next = client.request(
            "/api/v4/leads/custom_fields", {"page": page, "limit": CATALOGUE_LIMIT}, _catalogue_page
        )
        fields += found
        if len(fields) > MAX_CATALOGUE_FIELDS:
            raise _too_many(f"there are more than {MAX_CATALOGUE_FIELDS:,}.")
        if not has_next:
            return fields
    raise _too_many(f"there is a next page behind page {MAX_CATALOGUE_PAGES}.")


def _too_many(cause: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        "Reading the custom fields of leads", cause=cause, fix="Report this: no account has so many fields."
    )


def _account(answer: Response) -> Account:
    body = answer.json()
    try:
        account_id = int(body["id"])  # some gateways send numbers as text
    except (KeyError, TypeError, ValueError) as error:
        raise RetryableError("an account without id", status=answer.status) from error
    embedded = body.get("_embedded")
    settings = embedded.get("datetime_settings") if isinstance(embedded, dict) else None
    return Account(
        id=account_id,
        name=str(body.get("name") or ""),
        subdomain=str(body.get("subdomain") or ""),
        timezone=settings.get("timezone") if isinstance(settings, dict) else None,
        filters_enabled=body.get("is_api_filter_enabled"),
        current_user_id=body.get("current_user_id"),
    )


def _catalogue_page(answer: Response) -> tuple[list[dict[str, Any]], bool]:
    if answer.status == 204:  # noqa: PLR2004
        return [], False
    body = answer.json()
    try:
        found = [field for field in body["_embedded"]["custom_fields"] if isinstance(field, dict)]
        return found, has_next(body.get("_links"))
    except (KeyError, TypeError, AttributeError) as error:
        raise RetryableError("a page without custom fields", status=answer.status) from error
