"""Rows as pandas frames, the form in which people work with them.

Reading days into a frame and widening custom fields into columns belong here; how rows are made does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.files import rows_table
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd
    import pyarrow as pa

    from amocrm_assets.entities import Table
    from amocrm_assets.storage import Storage


def read_rows(table: Table, storage: Storage, subdomain: str, days: Sequence[date]) -> pd.DataFrame:
    """Rows of some days, one day after the other, in the columns of the table.

    Integers, booleans and texts have pandas' nullable types; a repeated record holds lists of dicts. Raises
    `ActionRequired` when the rows of a day have not been made.
    """
    import pyarrow as pa

    tables = [rows_table(table, storage, subdomain, day) for day in days] or [arrow_schema(table).empty_table()]
    return frame_of(pa.concat_tables(tables))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """An Arrow table in a shard's schema as a frame in which a missing integer is missing, and not a float."""
    import pandas as pd
    import pyarrow as pa

    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype()}
    repeated = [column.name for column in table.schema if pa.types.is_list(column.type)]
    frame: pd.DataFrame = table.drop_columns(repeated).to_pandas(types_mapper=types.get)
    for name in repeated:
        frame[name] = pd.Series(table[name].to_pylist(), dtype=object)
    return frame[table.column_names] if repeated != table.column_names[-len(repeated) :] else frame


def widen_custom_fields(frame: pd.DataFrame, fields: Sequence[str | int]) -> pd.DataFrame:
    """The frame with one text column more for each of `fields`, named by name or id, and called so.

    Several values (of a multiselect, or of several fields with one name) are joined by a comma and a space; a
    lead without the field has a missing value. A column of the frame with that name would be lost: ValueError.
    """
    import pandas as pd

    if taken := [field for field in map(str, fields) if field in frame.columns]:
        raise ValueError(f"the frame already has columns called {', '.join(taken)}; rename them first")
    wide = frame.copy()
    for field in map(str, fields):
        texts = [_text_of(custom_fields, field) for custom_fields in frame["custom_fields"]]
        wide[field] = pd.array(texts, dtype="string")
    return wide


def _text_of(custom_fields: list[dict[str, Any]], field: str) -> str | None:
    found = [entry for entry in custom_fields if field in (entry["name"], str(entry["id"]))]
    texts = [item["value"] for entry in found for item in entry["values"] if item["value"] is not None]
    return ", ".join(texts) if texts else None
