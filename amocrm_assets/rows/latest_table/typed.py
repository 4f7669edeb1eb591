"""Converts texts of custom fields to a column's type. A text that is not valid becomes null and is counted.

`value_formatter` wrote the texts, but a field may have had another type when its row was made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.json_values import numeric_of
from amocrm_assets.shard import NUMERIC_DIGITS, NUMERIC_SCALE, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

    from amocrm_assets.entities import Column

# Texts that Arrow converts itself; Python converts the others, each distinct text once. Arrow also has the years 0
# and, in UTC, 10000, which DATE and TIMESTAMP do not have: a warehouse refuses the table.
_YEAR = "[12][0-9]{3}"
_PLAIN = {
    "NUMERIC": rf"^-?[0-9]{{1,{NUMERIC_DIGITS - NUMERIC_SCALE - 1}}}(\.[0-9]{{1,{NUMERIC_SCALE}}})?$",
    "BOOLEAN": "^(true|false)$",
    "DATE": f"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}$",
    "TIMESTAMP": (
        rf"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
    ),
}


def typed(texts: pa.Array, column: Column) -> tuple[pa.Array, int]:
    """The texts in the column's type, and how many of them are not valid."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == "STRING":
        return texts, 0
    kind = arrow_type(column)
    plain = pc.if_else(pc.match_substring_regex(texts, _PLAIN[column.type]), texts, None)
    try:
        values = plain.cast(kind)
    except pa.ArrowInvalid:  # a date or time of day that does not exist
        plain, values = pa.nulls(len(texts), pa.string()), pa.nulls(len(texts), kind)
    if plain.null_count > texts.null_count:
        values = pc.coalesce(values, _one_by_one(pc.if_else(plain.is_null(), texts, None), column))
    return values, values.null_count - texts.null_count


def _one_by_one(texts: pa.Array, column: Column) -> pa.Array:
    import pyarrow as pa

    distinct = texts.dictionary_encode()
    convert = _CONVERTERS[column.type]
    values = pa.array([convert(text) for text in distinct.dictionary.to_pylist()], arrow_type(column))
    return values.take(distinct.indices)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return numeric_of(number) if number.is_finite() else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-01") else None
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "NUMERIC": _number,
    "BOOLEAN": lambda _: None,  # Arrow has converted both texts that are valid
    "DATE": _date,
    "TIMESTAMP": _moment,
}
