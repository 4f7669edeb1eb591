"""Texts of strangers in descriptions, by a parser of CommonMark; the parser of Dagster's UI is in `end_to_end`."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from amocrm_assets.orchestration.markdown import code, escape, plain
from amocrm_assets.untrusted import one_line

# Everything that a description may turn into without having been asked to.
HOSTILE = [
    "![x](http://attacker.test/a.png)",
    "[x](http://attacker.test)",
    "<img src=x onerror=y>",
    "<http://attacker.test>",
    "http://attacker.test/path?q=1",
    "www.attacker.test",
    "someone@attacker.test",
    "a | b \\| c",
    "`code` ``more`` https://attacker.test/`",
    "# heading",
    "- list",
    "1. list",
    "&lt;b&gt; &#33;",
    "*a* _b_ ~~c~~",
    "\\![x](y)",
    "[a]: http://attacker.test",
    "===",
    "> quote",
    "    indented",
    "``` fence",
    "| a |\n|---|\n| b |",
    "\u202e\u200b www.\u200battacker.test",
]
ANY = st.text(st.sampled_from(list("ab1 .@:/\\`*_[]()<>&!#~|-+=\n\u200b")) | st.characters())


def shown(markdown: str) -> tuple[str, set[str]]:
    """The text that a reader sees, and what it is made of."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    parts = [part for token in tokens for part in token.children or ()]
    kinds = {token.type for token in tokens} | {part.type for part in parts}
    return "".join(part.content for part in parts), kinds


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("write", [escape, code])
def test_what_a_stranger_wrote_is_shown_as_it_was_and_nothing_else(write: object, text: str) -> None:
    assert callable(write)
    for before in ("", "Before: "):
        read, kinds = shown(before + write(text))
        assert read == before + one_line(text)
        assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special", "code_inline"}


@given(ANY)
@example("a@b.c")
def test_no_text_becomes_anything_but_itself(text: str) -> None:
    for written in (escape(text), code(text)):
        read, kinds = shown(written)
        assert read == one_line(text, limit=2_000)
        assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special", "code_inline"}


@pytest.mark.parametrize("text", [text for text in HOSTILE if "attacker" in text])
def test_addresses_stand_in_code_spans_alone(text: str) -> None:
    # GitHub's Markdown makes links of the texts that are left when escapes are resolved.
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(escape(text))
    texts = [part.content for token in tokens for part in token.children or () if part.type != "code_inline"]
    assert not any(mark in found for found in texts for mark in ("://", "www.", "@"))


@given(ANY)
@example("Lists give no _total_items; 1. *so* [it] is.")
@example("a\\_b `c\\_d` e")
def test_a_console_shows_a_text_without_escapes(text: str) -> None:
    line = one_line(text, limit=2_000)
    assume(not any(mark in line.lower() for mark in ("://", "www.", "@")))  # those become code spans
    assert plain(escape(text)) == line


def test_a_console_shows_code_spans_as_they_are_written() -> None:
    message = f"Set {code('a_b')} in {code('C:`_x`')}, not {escape('a_b')}."
    assert plain(message) == "Set `a_b` in `` C:`_x` ``, not a_b."
    assert plain(r"`C:\\_temp` and \_temp") == r"`C:\\_temp` and _temp"
