"""Single JSON values: which ones become integers, decimals, booleans and lists, and how JSON is written again."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.rows.json_values import (
    INT64_MAX,
    INT64_MIN,
    Number,
    boolean_of,
    compact_json,
    decimal_of,
    integer_of,
    kind_of,
    list_of,
    load_json,
    numeric_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def same(one: Any, other: Any) -> bool:
    """Equal and of one type, for True is 1."""
    return one == other and type(one) is type(other)


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (5, 5),
        (0, 0),
        (INT64_MAX, INT64_MAX),
        (INT64_MAX + 1, None),
        (INT64_MIN, INT64_MIN),
        (INT64_MIN - 1, None),
        ("5", 5),
        ("-5", -5),
        ("5.00", 5),
        ("5.", 5),
        ("5.5", None),
        (" 5", None),
        ("", None),
        (str(INT64_MAX), INT64_MAX),
        (str(INT64_MAX + 1), None),
        ("1" * 20, None),
        (Number("5.0"), 5),
        (Number("5e2"), 500),
        (Number("5.5"), None),
        (Number(f"{INT64_MAX}.0"), INT64_MAX),
        (Number(f"{INT64_MAX + 1}.0"), None),
        (Number(f"{INT64_MIN}.0"), INT64_MIN),
        (Number(f"{INT64_MIN - 1}.0"), None),
        (Number("1e999999"), None),
        (Number("1e9999999999999999999"), None),
        (True, None),
        (None, None),
        ([5], None),
        ({}, None),
    ],
)
def test_an_integer_has_64_bits_and_no_fraction(value: Any, integer: int | None) -> None:
    assert same(integer_of(value), integer)


@pytest.mark.parametrize(
    ("value", "decimal"),
    [
        (10**29 - 1, "99999999999999999999999999999"),
        (10**28, "10000000000000000000000000000"),
        (10**29, None),
        (-(10**29), None),
        (1 - 10**29, "-99999999999999999999999999999"),
        ("1.50", "1.50"),
        ("9" * 29, "9" * 29),
        ("9" * 30, None),
        ("-0.001", "-0.001"),
        ("1e5", None),
        ("", None),
        ("NaN", None),
        (Number("1e5"), "1E+5"),
        (Number("1e29"), None),
        (Number("1e9999999999999999999"), None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_decimal_has_at_most_29_digits_before_its_point(value: Any, decimal: str | None) -> None:
    found = decimal_of(value)
    assert (None if found is None else str(found)) == (None if decimal is None else str(Decimal(decimal)))


NINES = "9" * 29


@pytest.mark.parametrize(
    ("number", "numeric"),
    [
        ("1.5", "1.500000000"),
        ("-1e3", "-1000.000000000"),
        ("0.0000000005", "0E-9"),
        ("0.0000000015", "2E-9"),
        (f"{NINES}.9999999994", f"{NINES}.999999999"),
        (f"{NINES}.9999999995", None),
        ("1e29", None),
    ],
)
def test_numeric_has_nine_decimals_and_at_most_29_digits_before_them(number: str, numeric: str | None) -> None:
    found = numeric_of(Decimal(number))
    assert (None if found is None else str(found)) == numeric


@pytest.mark.parametrize(
    ("boolean", "values"),
    [
        (True, (True, 1, "1", "true")),
        (False, (False, 0, "0", "false")),
        (None, (2, -1, "", "True", "yes", None, [], {}, [1], Number("1.0"))),
    ],
)
def test_booleans_are_also_spelled_as_numbers_and_texts(*, boolean: bool | None, values: Sequence[Any]) -> None:
    for value in values:
        assert boolean_of(value) is boolean


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([1, 2], [1, 2]),
        ([], []),
        ({}, []),
        ({"10": "c", "2": "b", "0": "a"}, ["a", "b", "c"]),
        ({"0": "a", "x": "b"}, None),
        ({"-1": "a"}, None),
        ({"٣": "a"}, None),
        ("0", None),
        (None, None),
    ],
)
def test_an_object_whose_keys_are_numbers_is_a_list_in_their_order(value: Any, items: list[Any] | None) -> None:
    assert list_of(value) == items


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("", "text"),
        (True, "boolean"),
        ([], "list"),
        (1, "number"),
        (Number("1.5"), "number"),
        (None, "nothing"),
        ({}, "object"),
    ],
)
def test_each_kind_of_value_has_a_word(value: Any, kind: str) -> None:
    assert kind_of(value) == kind


def test_json_is_written_without_spaces_in_the_order_of_keys_and_numbers_as_they_were_sent() -> None:
    sent = '{ "б": [1.50, 1e999, null, true, "\\u0421"], "a": {"d": {}, "c": []} }'
    assert compact_json(load_json(sent)) == '{"a":{"c":[],"d":{}},"б":[1.50,1e999,null,true,"С"]}'


@pytest.mark.parametrize("nested", [[[[]]], {"a": {"a": {}}}, [{"a": []}], {"a": [{}]}])
def test_a_value_with_more_levels_than_allowed_is_refused(nested: Any) -> None:
    assert compact_json(nested, levels=3)
    with pytest.raises(RecursionError, match="too deeply"):
        compact_json(nested, levels=2)
    assert compact_json(5, levels=0) == "5"


def test_numbers_that_python_would_change_stay_literals() -> None:
    assert [type(each) for each in load_json("[1, 1.0, 1e5, -7]")] == [int, Number, Number, int]
    for digits, kind in ((3999, int), (4001, Number)):
        assert type(load_json("1" * digits)) is kind
    with pytest.raises(ValueError, match="NaN is not JSON"):
        load_json("[NaN]")
