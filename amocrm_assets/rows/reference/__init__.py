"""Reference tables: captures of the reference lists → rows with history.

`records` understands one reading, `history` makes versions of many, `files` keeps them as Parquet, `seen` gathers
the ids that leads name, and `known` looks for them in the tables. All of it is a pure function of the captures,
whatever their order and however often it is done.
"""

from __future__ import annotations

from amocrm_assets.rows.reference.files import TableWritten, reference_rows, write_reference_tables
from amocrm_assets.rows.reference.known import KnownIds, UnknownId
from amocrm_assets.rows.reference.seen import KNOWN_BY

__all__ = ["KNOWN_BY", "KnownIds", "TableWritten", "UnknownId", "reference_rows", "write_reference_tables"]
