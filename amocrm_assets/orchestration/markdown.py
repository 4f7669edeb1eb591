"""Untrusted text inside the Markdown that Dagster's UI renders.

The UI renders as Markdown: every description (of assets, jobs, columns, checks and results of checks) and
`MetadataValue.md`. Images are fetched and addresses become links. It shows as plain text: other text metadata,
tables (`MetadataValue.table`), messages of failures, log lines and the description of a schedule. Values should be
in those if possible; the functions here are for texts of the first kind.
"""

from __future__ import annotations

import re

from amocrm_assets.untrusted import one_line

MAX_SENTENCE = 2_000
# Tokens in which GitHub's Markdown finds addresses. It searches after escapes and entities are resolved, so only a
# code span prevents links (mdast-util-gfm-autolink-literal, `transformGfmAutolinkLiterals`).
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*_\[\]<>&!#~|]")
# What turns the first word into a list or a heading.
_LEADING = re.compile(r"(?<=^)[-+=]|(?<=\d)[.)](?=$)")
_BACKTICKS = re.compile(r"`+")
# An escaped character, or a code span, in which a backslash is literal.
_WRITTEN = re.compile(r"\\([-\\`*_\[\]<>&!#~|+=.)])|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)")


def escape(text: object) -> str:
    """The text for a sentence: shown literally, on one line. Words with an address become code spans.

    Not for cells of a table, in which bars also split code spans.
    """
    first, *words = one_line(text, limit=MAX_SENTENCE).split(" ")
    return " ".join([_LEADING.sub(r"\\\g<0>", _escaped(first)), *map(_escaped, words)])


def code(text: object) -> str:
    """The text as a code span, in which nothing is rendered."""
    line = one_line(text, limit=MAX_SENTENCE)
    longest = max((len(run) for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * (longest + 1)
    # Markdown removes one space at both ends.
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""


def plain(markdown: str) -> str:
    """A sentence of the UI for a console or a message, which do not render Markdown: without escapes.

    Code spans keep their backticks, as quotation marks.
    """
    return _WRITTEN.sub(lambda found: found[1] or found[0], markdown)


def _escaped(word: str) -> str:
    return code(word) if _ADDRESS.search(word) else _SPECIAL.sub(r"\\\g<0>", word)
