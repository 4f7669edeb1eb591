"""Reference tables: captures of the reference lists become rows with history.

`records` decodes one capture, `history` computes versions from all of them, `files` stores them as Parquet, `seen`
collects the ids in leads, and `known` finds ids that the tables do not have.
"""

from __future__ import annotations

from amocrm_assets.rows.reference.files import TableWritten, reference_rows, write_reference_tables
from amocrm_assets.rows.reference.known import KnownIds, UnknownId
from amocrm_assets.rows.reference.seen import KNOWN_BY

__all__ = ["KNOWN_BY", "KnownIds", "TableWritten", "UnknownId", "reference_rows", "write_reference_tables"]
