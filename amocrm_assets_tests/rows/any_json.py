"""Any JSON value, lone surrogates included, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

# Unlike hypothesis's own default, with surrogates: JSON can escape them, Unicode cannot hold them.
TEXT = st.text(st.characters())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def replaced(text: str) -> str:
    """The text with U+FFFD in the place of surrogates."""
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
