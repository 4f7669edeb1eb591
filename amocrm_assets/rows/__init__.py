"""Transform: captures of a day become normalised rows and oddities.

`merge` and the modules that it uses are pure: records in, rows and oddities out. `files` writes and reads rows,
`frames` returns them as pandas frames. Nothing here sends a request to amoCRM or to a warehouse.
"""

from __future__ import annotations

from amocrm_assets.rows.files import RowsWritten, rows_name, write_rows
from amocrm_assets.rows.frames import read_rows, to_pandas_types, widen_custom_fields

__all__ = ["RowsWritten", "read_rows", "rows_name", "to_pandas_types", "widen_custom_fields", "write_rows"]
