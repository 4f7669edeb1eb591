"""The custom fields that an account offers, which of them a source has chosen, and what stands in them.

Which fields a choice takes is known to `rows`; here the account is asked, and the answer made readable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.account import read_catalogue
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.leads import Field, WholeItem
from amocrm_assets.rows.value_formatter import ValueFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from amocrm_assets.crm.client import AmoCrmClient
    from amocrm_assets.settings import SourceSettings

# Enough leads that a field in use is likely to be filled in one of them; one or two requests.
LEADS_LOOKED_AT, PAGE = 500, 250
EXAMPLES = 3


@dataclass(frozen=True)
class OfferedField:
    """A custom field of leads as the account describes it."""

    id: int
    name: str
    code: str | None
    type: str
    is_system: bool | None
    is_chosen: bool
    examples: list[str]


@dataclass(frozen=True)
class OfferedFields:
    """All fields of an account; `missing` are chosen ones it does not have, each with names that come close."""

    fields: list[OfferedField]
    missing: dict[str, list[str]]


def read_offered(source: SourceSettings, client: AmoCrmClient, *, with_examples: bool = False) -> OfferedFields:
    """Ask the account for its fields, and on request for the newest leads to take example values from."""
    catalogue = read_catalogue(client)
    choice = FieldSelection(source.leads_custom_fields, [catalogue])
    examples = read_examples(client, source.zone) if with_examples else {}
    fields = [_offered(field, choice, examples.get(field["id"], [])) for field in catalogue]
    return OfferedFields(fields, choice.missing())


def read_examples(client: AmoCrmClient, zone: ZoneInfo) -> dict[int, list[str]]:
    """Different values of each field, by its id, from the leads that were edited last."""
    found: dict[int, list[str]] = {}
    texts = ValueFormatter(zone)
    for lead in _newest_leads(client):
        for field in lead.get("custom_fields_values") or []:
            shown = found.setdefault(field.get("field_id"), [])
            for item in field.get("values") or []:
                value = item["value"] if "value" in item else WholeItem(item)
                text = texts.text(value, field.get("field_type"))
                if isinstance(text, str) and text not in shown and len(shown) < EXAMPLES:
                    shown.append(text)
    return found


def _newest_leads(client: AmoCrmClient) -> Iterator[dict[str, Any]]:
    for page in range(1, LEADS_LOOKED_AT // PAGE + 1):
        params = {"order[updated_at]": "desc", "limit": PAGE, "page": page}
        leads = client.request("/api/v4/leads", params, lambda answer: answer.json() if answer.body else None)
        if leads is None:
            return
        yield from leads["_embedded"]["leads"]


def _offered(field: dict[str, Any], choice: FieldSelection, examples: list[str]) -> OfferedField:
    return OfferedField(
        id=field["id"],
        name=str(field.get("name") or ""),
        code=field.get("code"),
        type=str(field.get("type") or ""),
        is_system=field.get("is_predefined"),
        is_chosen=bool(choice.of([Field(field["id"], field.get("name"), field.get("code"))])),
        examples=examples,
    )
