"""Texts of custom fields in the type that a column of the flat table has."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from amocrm_assets.entities import Column
from amocrm_assets.rows.latest_table.typed import typed

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
