"""Checks whether an entity of a source can be read now: the user's permissions, and the parameters of its list.

Each check returns what was observed, or warns with a fix. For their order see `checking`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.account_warnings import filters_warning
from amocrm_assets.crm.permissions import read_permissions
from amocrm_assets.fields import read_offered
from amocrm_assets.untrusted import hidden_difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.account import Account
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings

IGNORED = "The account ignores filters: nothing is lost, but each run reads all records edited since its day."


@dataclass(frozen=True)
class Warned:
    """A step passed with a warning."""

    message: str
    fix: str | None = None


class EntityChecks:
    """The checks of one entity."""

    def __init__(
        self, entity: Entity, source: SourceSettings, client: AmoCrmClient, account: Callable[[], Account]
    ) -> None:
        self._entity = entity
        self._source = source
        self._client = client
        self._account = account

    @property
    def name(self) -> str:
        """The entity's name."""
        return self._entity.name

    def steps(self) -> list[tuple[str, Callable[[], str | Warned]]]:
        """The checks, by name: the permissions, and parameters of its list.

        Filters are checked only for lists sorted by time: other lists support theirs in every account, and
        each response shows it to the reader.
        """
        steps = [("rights", self.permissions)]
        steps += [("filters", self.filters)] if self._entity.live.kind == "moving" else []
        steps += [("deleted", self.deleted)] if self._entity.deleted else []
        return steps + ([("fields", self.fields)] if self._entity.choices.custom_fields else [])

    def permissions(self) -> str | Warned:
        """Whether the user sees all records."""
        rights = read_permissions(self._entity, self._client, self._account().current_user_id)
        if rights.sees_all:
            return f"{rights.user} may see all {self._entity.table.records}"
        return Warned(
            f"the user may see some {self._entity.table.records} only."
            if rights.sees_all is False
            else f"amoCRM does not report which {self._entity.table.records} the user may see, as it does for an"
            " administrator.",
            "Authorise as an administrator: amoCRM silently omits the others.",
        )

    def filters(self) -> str | Warned:
        """Whether the list is filtered by time."""
        if filters_honoured(self._entity, self._client):
            return "honoured"
        return Warned(filters_warning(self._account()) or IGNORED)

    def deleted(self) -> str | Warned:
        """Whether deleted records are listed."""
        if not self._source.import_deleted:
            return "not imported"
        if only_deleted_honoured(self._entity, self._client):
            return "listed"
        return Warned(
            f"the account ignores `with=only_deleted` and sends live {self._entity.table.records}, so deleted ones"
            " cannot be read.",
            f"Set `import_deleted: false` in the defs.yaml of {self._source.subdomain}: until then"
            " `reading_complete` fails on each day.",
        )

    def fields(self) -> str | Warned:
        """Whether the chosen custom fields exist."""
        offered = read_offered(self._entity, self._source, self._client)
        if not offered.missing:
            return f"{sum(field.is_chosen for field in offered.fields)} of {len(offered.fields)} imported"
        named = ", ".join(repr(name) for name in offered.missing)
        close = {
            f"{name}{f' ({hidden})' if (hidden := hidden_difference(written, name)) else ''}"
            for written, names in offered.missing.items()
            for name in names
        }
        hint = f" Close to it: {', '.join(sorted(close))}." if close else ""
        return Warned(
            f"the account has no field {named}.{hint}",
            f"Correct `{self._entity.choices.custom_fields}`; `amocrm-assets fields {self._source.subdomain}"
            f" --of {self._entity.name}` lists what there is.",
        )


def filters_honoured(entity: Entity, client: AmoCrmClient) -> bool:
    """Request records older than the newest one: an account that ignores filters returns the newest."""
    newest = _newest_edit(entity, client, {})
    if newest is None:
        return True
    before = _newest_edit(entity, client, {"filter[updated_at][from]": 1, "filter[updated_at][to]": newest - 1})
    return before is None or before < newest


def only_deleted_honoured(entity: Entity, client: AmoCrmClient) -> bool:
    """Request deleted records, again if live ones are returned: an account without the option returns those."""
    return any(all(each.get("is_deleted") for each in _deleted(entity, client)) for _ in range(2))


def _deleted(entity: Entity, client: AmoCrmClient) -> list[dict[str, Any]]:
    return _records(entity, client, {"with": "only_deleted", "order[updated_at]": "desc", "limit": 5})


def _newest_edit(entity: Entity, client: AmoCrmClient, filters: dict[str, int]) -> int | None:
    records = _records(entity, client, {"order[updated_at]": "desc", "limit": 1, **filters})
    return int(records[0]["updated_at"]) if records else None


def _records(entity: Entity, client: AmoCrmClient, params: dict[str, Any]) -> list[dict[str, Any]]:
    params = params | entity.live.type_filter
    found = client.request(entity.live.path, params, lambda answer: answer.json() if answer.body else None)
    return list(found["_embedded"][entity.live.embedded]) if found else []
