"""Which records of an entity the authorising user may see: amoCRM silently omits the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from amocrm_assets.errors import AccessDenied, AccountBlocked, UnexpectedAnswer

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.entities import Entity


@dataclass(frozen=True)
class Permissions:
    """`sees_all` is None if amoCRM does not say so; it does only for administrators."""

    user: str | None
    sees_all: bool | None


def read_permissions(entity: Entity, client: AmoCrmClient, user_id: int | None) -> Permissions:
    """Request one record of each list, then the user. Raises `AccessDenied` if the user may not see a list."""
    for each in entity.lists(with_deleted=False):
        client.get(each.path, {"limit": 1})
    if user_id is None:
        return Permissions(None, None)
    try:
        return client.request(f"/api/v4/users/{user_id}", {}, partial(_rights, entity))
    # Not an error here: the user may see records; amoCRM refuses only this path, or does not offer it to this
    # user.
    except (AccessDenied, AccountBlocked, UnexpectedAnswer) as error:
        if error.facts.get("status") not in {403, 404}:
            raise
        return Permissions(None, None)


def _rights(entity: Entity, response: Response) -> Permissions:
    user: dict[str, Any] = response.json() if response.body else {}
    rights = user.get("rights") or {}
    view = (rights.get(entity.name) or {}).get("view")
    sees_all = True if rights.get("is_admin") else None if view is None else view == "A"
    return Permissions(user.get("name"), sees_all)
