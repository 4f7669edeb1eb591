from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amocrm_assets.json_bytes import MAX_DEPTH, VALUE_LEVEL, without_deep_values, without_property
from amocrm_assets_tests.rows.any_json import JSON, TEXT

OBJECTS = st.dictionaries(st.sampled_from(["name", "Name", "names", "id"]) | TEXT, JSON, max_size=5)


@pytest.mark.slow
@given(OBJECTS, st.fixed_dictionaries({"indent": st.sampled_from([None, 1]), "ensure_ascii": st.booleans()}))
@example({"name": 'a"],}{', "b\\": "name"}, {})
@example({"name": {"name": 1}, "x": ["name", {"name": 2}]}, {})
def test_a_property_goes_and_the_others_stay(sent: dict[str, Any], how: dict[str, Any]) -> None:
    line = json.dumps(sent, **how).encode("utf-8", "surrogatepass")
    left = json.loads(without_property(line, "name").decode("utf-8", "surrogatepass"))
    assert left == json.loads(json.dumps({key: value for key, value in sent.items() if key != "name"}))


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b'{"name":"x"}', b"{}"),
        (b'{"id":1,"name":"x"}', b'{"id":1}'),
        (b'{"n\\u0061me":"x","id":1.50}', b'{"id":1.50}'),
        (b'{"name":"x","id":1,"name":"y"}', b'{"id":1}'),
        (b'{"a":"\\ud83d", "name":null}', b'{"a":"\\ud83d"}'),
        (
            b'{"name":"x","deep":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
            b'{"deep":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
        ),
    ],
    ids=["alone", "last", "escaped", "twice", "half an emoji", "deep"],
)
def test_the_bytes_of_the_others_are_those_that_were_sent(line: bytes, left: bytes) -> None:
    assert without_property(line, "name") == left


@given(JSON)
def test_values_of_few_levels_stay(sent: Any) -> None:
    line = json.dumps(sent).encode()
    assert without_deep_values(line) == line


@pytest.mark.parametrize(("levels", "left"), [(MAX_DEPTH, None), (MAX_DEPTH + 1, b"null"), (50_000, b"null")])
def test_a_value_of_more_levels_is_null(levels: int, left: bytes | None) -> None:
    value = b"[" * (levels - 1) + b'{"]": "}"}' + b"]" * (levels - 1)
    line = b"%b%%b,2%b" % (b'{"a":' * (VALUE_LEVEL - 1), b"}" * (VALUE_LEVEL - 1))
    line = line.replace(b",2", b"", 1)
    assert without_deep_values(line % value) == line % (left or value)
