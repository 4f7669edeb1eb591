"""Reference tables: captures of the reference lists → rows with history.

`records` understands one reading, `history` makes versions of many, `files` keeps them as Parquet. All of it is a
pure function of the captures, whatever their order and however often it is done.
"""

from __future__ import annotations

from amocrm_assets.rows.reference.files import TableWritten, reference_rows, write_reference_tables

__all__ = ["TableWritten", "reference_rows", "write_reference_tables"]
