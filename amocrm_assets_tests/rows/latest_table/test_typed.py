"""Texts of custom fields in the type that a column of the flat table has."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from amocrm_assets.entities import Column
from amocrm_assets.rows.latest_table.typed import typed
from amocrm_assets.shard import arrow_type

if TYPE_CHECKING:
    from amocrm_assets.entities.table import ColumnType

NINES = "9" * 29


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", Decimal("1.5")),
        ("1e3", Decimal(1000)),
        (NINES, Decimal(NINES)),
        (f"-{NINES}.999999999", Decimal(f"-{NINES}.999999999")),
        (f"{NINES}.9999999994", Decimal(f"{NINES}.999999999")),
        (f"{NINES}.9999999995", None),  # 30 digits once it is rounded
        (f"1{NINES}", None),
        ("1e999999", None),
        ("Infinity", None),
        ("NaN", None),
        ("опт", None),
    ],
)
def test_a_number_with_at_most_29_digits_before_its_point_is_kept(text: str, number: Decimal | None) -> None:
    values, invalid = typed(pa.array([text, None]), Column("f", "NUMERIC", "A number."))
    assert values.to_pylist() == [number, None]
    assert invalid == (number is None)


ONE, LAST = "0001-01-01", "9999-12-31"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", "0000-01-01", "0000-01-01"),
        ("BOOLEAN", "true", True),
        ("BOOLEAN", "false", False),
        ("BOOLEAN", "True", None),
        ("BOOLEAN", "1", None),
        ("DATE", "2026-03-10", date(2026, 3, 10)),
        ("DATE", ONE, date.min),
        ("DATE", LAST, date.max),
        ("DATE", "0000-01-01", None),
        ("DATE", "2026-02-30", None),
        ("DATE", "20260310", None),
        ("TIMESTAMP", "2026-03-10T01:02:03Z", datetime(2026, 3, 10, 1, 2, 3, tzinfo=UTC)),
        ("TIMESTAMP", "2026-03-10T01:02:03+03:00", datetime(2026, 3, 9, 22, 2, 3, tzinfo=UTC)),
        ("TIMESTAMP", "2026-03-10T01:02:03.5+03:00", datetime(2026, 3, 9, 22, 2, 3, 500_000, tzinfo=UTC)),
        ("TIMESTAMP", "2026-03-10T01:02:03", None),
        ("TIMESTAMP", "2026-03-10T25:02:03Z", None),
        ("TIMESTAMP", f"{ONE}T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
        ("TIMESTAMP", f"{LAST}T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        # In UTC these are outside of the years 1 to 9999.
        ("TIMESTAMP", "0000-12-31T23:00:00-02:00", None),
        ("TIMESTAMP", f"{ONE}T00:00:00+03:00", None),
        ("TIMESTAMP", f"{LAST}T23:59:59-05:00", None),
    ],
)
def test_a_text_that_its_type_cannot_hold_is_null_and_others_keep_their_values(
    kind: ColumnType, text: str, value: object
) -> None:
    column = Column("f", kind, "A field.")
    assert (typed(pa.array([text, None]), column)) == (pa.array([value, None], arrow_type(column)), value is None)
    # Beside a text that is valid, and with one that is repeated.
    valid = {"STRING": "x", "BOOLEAN": "true", "DATE": "2026-01-01", "TIMESTAMP": "2026-01-01T00:00:00Z"}[kind]
    values, invalid = typed(pa.array([text, valid, None, text]), column)
    assert values.is_valid().to_pylist() == [value is not None, True, False, value is not None]
    assert values[3] == values[0]
    assert invalid == 2 * (value is None)
