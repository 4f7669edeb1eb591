"""Details of a lead in addition to the columns of its shard: linked records and exact amounts.

Most of them need `with=…`, so captures without it give nulls and empty lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amocrm_assets.entities.embedded import company_id, objects, tags_column
from amocrm_assets.entities.table import Column, Derived, Table

Json = dict[str, Any]
# Parts of `_embedded` that exist only if a reading requested them.
_ASKED_FOR = ("contacts", "loss_reason", "source", "catalog_elements")

_ELEMENT = (
    Column("id", "INTEGER", "The product's id in its list (catalog)."),
    Column("catalog_id", "INTEGER", "The list (catalog) of the product.", api_name="metadata.catalog_id"),
    Column("quantity", "NUMERIC", "Quantity.", api_name="metadata.quantity"),
    Column(
        "price_id",
        "INTEGER",
        "The field of the product with the price that applies; null for its usual price.",
        api_name="metadata.price_id",
    ),
)
_COLUMNS = (
    Column("id", "INTEGER", "The lead's id, as in the shard of leads."),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("updated_at", "INTEGER", "When the lead was last updated, as in the shard of leads."),
    Column("is_deleted", "BOOLEAN", "True when the lead is in amoCRM's trash."),
    Column("company_id", "INTEGER", "The lead's company; at most one.", api_name="_embedded.companies"),
    Column("main_contact_id", "INTEGER", "The lead's main contact.", api_name="_embedded.contacts"),
    Column(
        "contacts",
        "RECORD",
        "The lead's contacts.",
        "REPEATED",
        (
            Column("id", "INTEGER", "The contact's id."),
            Column("is_main", "BOOLEAN", "Whether it is the lead's main contact."),
        ),
        api_name="_embedded.contacts",
    ),
    tags_column("lead"),
    Column(
        "catalog_elements",
        "RECORD",
        "The products on the lead.",
        "REPEATED",
        _ELEMENT,
        api_name="_embedded.catalog_elements",
    ),
    Column(
        "loss_reason",
        "RECORD",
        "Why the lead was lost, with its name when the lead was read; null if it was not lost.",
        columns=(
            Column("id", "INTEGER", "The reason's id."),
            Column("name", "STRING", "Its text."),
        ),
        api_name="_embedded.loss_reason",
    ),
    Column(
        "source",
        "RECORD",
        "Where the lead came from; null for a lead that a user entered.",
        columns=(
            Column("id", "INTEGER", "The source's id (`source_id` if there are no other properties)."),
            Column("name", "STRING", "Its name when the lead was read."),
            Column("type", "STRING", "Its type, if amoCRM has one."),
        ),
        api_name="_embedded.source",
    ),
    Column("score", "INTEGER", "The lead's score in amoCRM's scoring."),
    Column("labor_cost", "INTEGER", "Time that users spent on the lead, in seconds."),
    Column(
        "price_with_minor_units",
        "NUMERIC",
        "The lead's price with kopecks or cents; null if the account has whole prices only.",
    ),
    Column("is_price_modified_by_robot", "BOOLEAN", "Whether a robot set the price."),
)


def _values(sent: Mapping[str, Any]) -> Json:
    """The values of the derived columns. Values of an undocumented structure are returned unchanged."""
    given = sent.get("_embedded")
    # PHP writes an empty object as a list.
    embedded = given if isinstance(given, dict) else {}
    contacts, companies, elements = (embedded.get(name) for name in ("contacts", "companies", "catalog_elements"))
    values: Json = {
        "company_id": company_id(companies),
        "main_contact_id": next((each.get("id") for each in objects(contacts) if _is_main(each)), None),
        "contacts": contacts,
        "tags": embedded.get("tags"),
        "catalog_elements": elements,
        "loss_reason": _one(embedded.get("loss_reason")),
        "source": _source(_one(embedded.get("source")), sent.get("source_id")),
        "price_with_minor_units": sent.get("price_with_minor_units"),
    }
    if isinstance(elements, list):
        values["catalog_elements"] = [_element(each) for each in elements]
    if given not in (None, [], {}) and not embedded:
        values["contacts"] = given  # noted if it does not fit
    return values


def _is_whole(sent: Mapping[str, Any]) -> bool:
    embedded = sent.get("_embedded")
    return isinstance(embedded, dict) and not embedded.keys().isdisjoint(_ASKED_FOR)


def _is_main(contact: Json) -> bool:
    return contact.get("is_main") in (True, "1", "true")


def _one(value: Any) -> Any:
    """An object, alone or in a list of one; None for an empty list."""
    return (value[0] if value else None) if isinstance(value, list) else value


def _source(source: Any, source_id: Any) -> Any:
    """The source; its id is also a property of the lead."""
    if source_id is None or not (source is None or isinstance(source, dict)):
        return source
    return {"id": source_id, **(source or {})}


def _element(element: Any) -> Any:
    """A product with its properties on this lead; the quantity may also be next to `metadata`."""
    metadata = element.get("metadata") if isinstance(element, dict) else None
    return {**metadata, **element} if isinstance(metadata, dict) else element


LEAD_DETAILS = Table(
    asset="lead_details",
    warehouse_name="amoCrmLeadDetails",
    record="lead",
    records="details of leads",
    columns=_COLUMNS,
    preview=("id", "company_id", "main_contact_id", "price_with_minor_units", "updated_at"),
    derived=Derived(
        properties=("_embedded", "source_id", "price_with_minor_units"),
        columns=tuple(each.name for each in _COLUMNS if each.sent_in != each.sent_as or each.type == "NUMERIC"),
        values=_values,
        is_whole=_is_whole,
    ),
    imported="import_lead_details",
)
