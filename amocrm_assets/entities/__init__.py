"""Entities of amoCRM: one module declares each of them. Pure declarations: no I/O, no Dagster."""

from __future__ import annotations

from amocrm_assets.entities.agreement import AGREEMENT, Agreement
from amocrm_assets.entities.calls import CALLS
from amocrm_assets.entities.captured import Captured
from amocrm_assets.entities.choices import Choices
from amocrm_assets.entities.companies import COMPANIES
from amocrm_assets.entities.contacts import CONTACTS
from amocrm_assets.entities.custom_fields import CUSTOM_FIELDS, custom_fields_column
from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.events import EVENTS
from amocrm_assets.entities.latest import LatestTable, latest_table
from amocrm_assets.entities.lead_stages import STAGES, StagesTable
from amocrm_assets.entities.leads import LEADS
from amocrm_assets.entities.record_list import RecordList
from amocrm_assets.entities.table import Column, Derived, Table
from amocrm_assets.entities.tasks import TASKS

# All entities that a source may import, in the order of their chains.
ENTITIES = (LEADS, CONTACTS, COMPANIES, TASKS, CALLS, EVENTS)
# The list that shows whether amoCRM returns records at all: no account in use has none of them.
NEVER_EMPTY = LEADS.live
# Those with custom fields, by the attribute of a source that selects their fields.
WITH_CUSTOM_FIELDS = {each.choices.custom_fields: each for each in ENTITIES if each.choices.custom_fields}

__all__ = [
    "AGREEMENT",
    "CALLS",
    "COMPANIES",
    "CONTACTS",
    "CUSTOM_FIELDS",
    "ENTITIES",
    "EVENTS",
    "LEADS",
    "NEVER_EMPTY",
    "STAGES",
    "TASKS",
    "WITH_CUSTOM_FIELDS",
    "Agreement",
    "Captured",
    "Choices",
    "Column",
    "Derived",
    "Entity",
    "LatestTable",
    "RecordList",
    "StagesTable",
    "Table",
    "custom_fields_column",
    "latest_table",
]
