"""Flat tables: the rows of all days become one row per record, its newest version, with names next to ids.

`places` finds the newest row of each record, `newest` updates a file of these rows from the days that have
changed, `field_columns` decides which custom fields have columns, `values` computes the added columns, and `files`
writes the table. The result depends only on the rows, the reference tables and the settings: a table that was
updated equals one that was built from all days, byte for byte.
"""

from __future__ import annotations

from amocrm_assets.rows.latest_table.field_columns import latest_columns
from amocrm_assets.rows.latest_table.files import LatestWritten, write_latest_table

__all__ = ["LatestWritten", "latest_columns", "write_latest_table"]
