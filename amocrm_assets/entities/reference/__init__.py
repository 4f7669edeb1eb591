"""Reference lists of an account (pipelines, users, loss reasons, …) and the tables with history made of them.

`lists` says where amoCRM lists the records and what such a list can prove, `tables` what becomes of them. All
lists of a reading are kept in one capture.
"""

from __future__ import annotations

from amocrm_assets.entities.captured import Captured
from amocrm_assets.entities.reference.lists import ACCOUNT, LISTS, WholeList
from amocrm_assets.entities.reference.tables import (
    HISTORY_COLUMNS,
    REFERENCE_TABLES,
    Part,
    ReferenceTable,
    reference_table,
)

REFERENCE = Captured("reference")

__all__ = [
    "ACCOUNT",
    "HISTORY_COLUMNS",
    "LISTS",
    "REFERENCE",
    "REFERENCE_TABLES",
    "Part",
    "ReferenceTable",
    "WholeList",
    "reference_table",
]
