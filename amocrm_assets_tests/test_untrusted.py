from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets.untrusted import one_line, visible


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Иван, 50 % | ![x](y)", "Иван, 50 % | ![x](y)"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("a\u200bb\ufeffc\u2066d", r"a\u200bb\ufeffc\u2066d"),
        ("half \ud83d an emoji", r"half \ud83d an emoji"),
        ("👨\u200d👩\u200d👧 می\u200cخواهم", "👨\u200d👩\u200d👧 می\u200cخواهم"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_characters_that_are_obeyed_become_visible(sent: str, shown: str) -> None:
    assert visible(sent) == shown


def test_a_line_has_no_breaks_and_an_end() -> None:
    assert one_line("a\r\nb\u2028c\x85d\t e") == "a b c d e"
    assert one_line("x" * 500) == "x" * 199 + "…"
    assert one_line(5) == "5"


@given(st.text())
def test_what_is_shown_can_always_be_encoded_and_is_shown_the_same_again(sent: str) -> None:
    assert visible(visible(sent)) == visible(sent)
    visible(sent).encode()
    assert "\n" not in one_line(sent)


def test_an_error_shows_what_a_server_said() -> None:
    error = AmoCrmUnavailable("Reading", cause="it said \x1b[2J.", fix="Wait.", detail="\u202eno")
    assert str(error) == r"Reading: it said \x1b[2J. Wait."
    assert error.facts == {"detail": r"\u202eno"}
