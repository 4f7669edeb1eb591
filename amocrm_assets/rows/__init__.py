"""Transform: captures of a day become normalised rows and oddities.

`merge` and the modules it uses are pure: from records to rows and oddities. `files` and `frames` write and read
rows. Nothing here uses amoCRM's API or a warehouse.
"""

from __future__ import annotations

from amocrm_assets.rows.files import RowsWritten, rows_name, write_rows
from amocrm_assets.rows.frames import read_rows, to_pandas_types, widen_custom_fields

__all__ = ["RowsWritten", "read_rows", "rows_name", "to_pandas_types", "widen_custom_fields", "write_rows"]
