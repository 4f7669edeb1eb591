"""Flat tables: rows of all days → one row for each record, as it was last, with names beside ids.

`places` says which row of which day is the newest of each record, `newest` keeps those rows up from the days that
have changed, `field_columns` decides which custom fields have columns, `values` makes what is in the added
columns, and `files` writes the table. All of it is a function of the rows, the reference tables and the settings:
a table that is kept up equals one that is made from nothing, byte for byte.
"""

from __future__ import annotations

from amocrm_assets.rows.latest_table.field_columns import latest_columns
from amocrm_assets.rows.latest_table.files import LatestWritten, write_latest_table

__all__ = ["LatestWritten", "latest_columns", "write_latest_table"]
