"""Makes text of unknown origin safe to show: a lead's name, a server's response, a custom field.

Terminals interpret control characters, and both terminals and browsers interpret characters that change the
writing direction: a name could hide or reorder the text beside it. Here such characters become visible escapes.
For pages that render Markdown see also `orchestration.markdown`.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Zero-width joiners are parts of emoji and of Persian words; they hide nothing.
_JOINERS = "\u200c\u200d"
# Other: control, format, surrogate; separators of lines and paragraphs.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
MAX_LINE = 200
# Cyrillic letters that look like Latin ones.
_LATIN_LIKE = str.maketrans("АВЕЁКМНОРСТУХаеёорсухі", "ABEËKMHOPCTYXaeëopcyxi")


def visible(text: str) -> str:
    """The text with every control, zero-width and direction character as an escape (`\\x1b`, `\\u202e`).

    Line breaks and tabs remain: messages of several lines are our own.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def one_line(text: object, *, limit: int = MAX_LINE) -> str:
    """A value on one line of at most `limit` characters, all of them visible."""
    line = visible(" ".join(str(text).split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def hidden_difference(written: str, meant: str) -> str:
    """The difference of two names that look the same: spaces, invisible characters, or letters of another script.

    Empty for names with a visible difference.
    """
    if written == meant or _as_seen(written) != _as_seen(meant):
        return ""
    place = next((n for n, pair in enumerate(zip(written, meant, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(written), len(meant)) if place is None else place
    there, here = (_called(text[place]) if place < len(text) else "nothing" for text in (meant, written))
    return f"its character {place + 1} is {there}, and not {here}"


def _as_seen(text: str) -> str:
    letters = unicodedata.normalize("NFKC", text).translate(_LATIN_LIKE)
    return "".join(char for char in letters if not char.isspace() and unicodedata.category(char) != "Cf")


def _called(char: str) -> str:
    return unicodedata.name(char, f"U+{ord(char):04X}")


@lru_cache(4096)
def _visible(char: str) -> str:
    if char in "\n\t" or char in _JOINERS or unicodedata.category(char) not in _OBEYED:
        return char
    return char.encode("unicode_escape").decode("ascii")
