"""Reference lists of an account (pipelines, users, loss reasons, …) and the tables with history made of them.

`lists` declares amoCRM's lists and what each of them can prove, `tables` the tables made of them. All lists of a
reading are in one capture.
"""

from __future__ import annotations

from amocrm_assets.entities.captured import Captured
from amocrm_assets.entities.reference.lists import ACCOUNT, LISTS, PIPELINES, WholeList
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
    "PIPELINES",
    "REFERENCE",
    "REFERENCE_TABLES",
    "Part",
    "ReferenceTable",
    "WholeList",
    "reference_table",
]
