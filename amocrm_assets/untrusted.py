"""Text that strangers wrote, made fit to be shown: a lead's name, an answer of a server, a custom field.

Terminals obey control characters, and both terminals and browsers obey characters that turn the direction of
writing: a name could hide or reorder what stands beside it. Here such characters become visible escapes, so that
the text can be read as it was. For what a page that renders Markdown needs on top, see `orchestration.markdown`.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Zero-width joiners belong to emoji and to Persian words; they hide nothing.
_JOINERS = "\u200c\u200d"
# Other: control, format, surrogate; separators of lines and paragraphs.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
MAX_LINE = 200


def visible(text: str) -> str:
    """The text with every control, zero-width and direction character as an escape (`\\x1b`, `\\u202e`).

    Line breaks and tabs stay: messages of several lines are ours.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def one_line(text: object, *, limit: int = MAX_LINE) -> str:
    """A value on one line of at most `limit` characters, all of them visible."""
    line = visible(" ".join(str(text).split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


@lru_cache(4096)
def _visible(char: str) -> str:
    if char in "\n\t" or char in _JOINERS or unicodedata.category(char) not in _OBEYED:
        return char
    return char.encode("unicode_escape").decode("ascii")
