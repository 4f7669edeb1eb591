"""Flat tables: one row for each record with its newest state, names beside ids, from the rows of all days.

`places` finds the day and row with the newest state of each record, `newest` updates those rows from the days that
have changed, `field_columns` decides which custom fields have columns, `values` fills the additional columns, and
`files` writes the table. All of it is a function of the rows, the reference tables and the settings: an updated
table equals a newly built one, byte for byte.
"""

from __future__ import annotations

from amocrm_assets.rows.latest_table.field_columns import latest_columns
from amocrm_assets.rows.latest_table.files import LatestWritten, write_latest_table

__all__ = ["LatestWritten", "latest_columns", "write_latest_table"]
