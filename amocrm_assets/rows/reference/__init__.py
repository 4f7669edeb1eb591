"""Reference tables: captures of the reference lists → rows with history.

`records` understands one reading, `history` makes versions of many, `files` keeps them as Parquet, `known` looks
for ids of leads in them. All of it is a pure function of the captures, whatever their order and however often it
is done.
"""

from __future__ import annotations

from amocrm_assets.rows.reference.files import TableWritten, reference_rows, write_reference_tables
from amocrm_assets.rows.reference.known import KNOWN_BY, KnownIds, UnknownId

__all__ = ["KNOWN_BY", "KnownIds", "TableWritten", "UnknownId", "reference_rows", "write_reference_tables"]
