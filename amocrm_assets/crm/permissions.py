"""Which leads the authorisation's user may see: amoCRM leaves out the others without a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.errors import AccessDenied, AccountBlocked, UnexpectedAnswer

if TYPE_CHECKING:
    from amocrm_assets.crm.client import AmoCrmClient
    from amocrm_assets.crm.responses import Response


@dataclass(frozen=True)
class LeadPermissions:
    """`sees_all` is None where amoCRM does not tell, as it does to administrators alone."""

    user: str | None
    sees_all: bool | None


def read_lead_permissions(client: AmoCrmClient, user_id: int | None) -> LeadPermissions:
    """Ask for one lead, then for the user. Raises `AccessDenied` when leads may not be seen at all."""
    client.get("/api/v4/leads", {"limit": 1})
    if user_id is None:
        return LeadPermissions(None, None)
    try:
        return client.request(f"/api/v4/users/{user_id}", {}, _rights)
    # Not an error here: leads may be seen, so amoCRM refuses this one path, or does not know it for this user.
    except (AccessDenied, AccountBlocked, UnexpectedAnswer) as error:
        if error.facts.get("status") not in {403, 404}:
            raise
        return LeadPermissions(None, None)


def _rights(answer: Response) -> LeadPermissions:
    user: dict[str, Any] = answer.json() if answer.body else {}
    rights = user.get("rights") or {}
    view = (rights.get("leads") or {}).get("view")
    sees_all = True if rights.get("is_admin") else None if view is None else view == "A"
    return LeadPermissions(user.get("name"), sees_all)
