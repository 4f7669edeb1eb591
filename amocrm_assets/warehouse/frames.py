"""Rows as people use them: pandas frames in which a missing integer is missing, and not a float.

Every warehouse hands its rows over as an Arrow table in the schema of `shard`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def frame(table: pa.Table) -> pd.DataFrame:
    """The table with pandas' nullable dtypes, nested columns as lists of dicts."""
    import pandas as pd
    import pyarrow as pa

    dtypes = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype()}
    nested = [field.name for field in table.schema if pa.types.is_list(field.type)]
    rows: pd.DataFrame = table.drop_columns(nested).to_pandas(types_mapper=dtypes.get)
    for name in nested:
        rows[name] = pd.Series(table.column(name).to_pylist(), index=rows.index, dtype=object)
    ordered: pd.DataFrame = rows[table.column_names]
    return ordered
