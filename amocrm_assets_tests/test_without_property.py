"""A lead without its name keeps all its other bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.json_bytes import without_property

pytestmark = pytest.mark.slow

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=6
)


@pytest.mark.parametrize("half_an_emoji", ["", ',"x":"\\ud83d"'])
@given(lead=st.dictionaries(st.text(), values, max_size=6), name=values, indent=st.sampled_from([None, 1]))
def test_nothing_but_the_name_is_dropped(
    lead: dict[str, object], name: object, indent: int | None, half_an_emoji: str
) -> None:
    lead |= {"id": 1, "name": name}
    line = json.dumps(lead, indent=indent)[:-1] + half_an_emoji + "}"
    lead.pop("name")
    found = json.loads(without_property(line.encode(), "name"))
    if half_an_emoji:
        lead["x"] = "\ud83d"
    assert found == lead


def test_numbers_that_python_has_not_stay_as_they_were_sent_beside_half_an_emoji() -> None:
    line = b'{ "name": {"name": 1} , "odd": [1.50, 1e999, 12345678901234567890.1], "x": "\\ud83d" }'
    kept = without_property(line, "name")
    assert b"[1.50, 1e999, 12345678901234567890.1]" in kept
    assert json.loads(kept).keys() == {"odd", "x"}
