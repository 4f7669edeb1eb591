"""Text that strangers wrote, inside the Markdown that Dagster's UI renders.

The UI renders as Markdown: every description (of assets, jobs, columns and checks, and what a check says of its
result) and `MetadataValue.md`. Images are fetched and addresses become links. It shows as they are: other text
metadata, tables (`MetadataValue.table`), messages of failures, log lines and the description of a schedule. Values
belong into those where possible; the functions here are for the sentences of the first kind.
"""

from __future__ import annotations

import re

from amocrm_assets.untrusted import one_line

MAX_SENTENCE = 2_000
# Tokens in which GitHub's Markdown finds addresses. It looks for them after escapes and entities are resolved, so
# that only a code span stops it (mdast-util-gfm-autolink-literal, `transformGfmAutolinkLiterals`).
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*_\[\]<>&!#~|]")
# What makes a list or the line under a heading of the first word.
_LEADING = re.compile(r"(?<=^)[-+=]|(?<=\d)[.)](?=$)")
_BACKTICKS = re.compile(r"`+")
# A character that was escaped, or a code span, in which a backslash is no more than that.
_WRITTEN = re.compile(r"\\([-\\`*_\[\]<>&!#~|+=.)])|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)")


def escape(text: object) -> str:
    """The text for a sentence: it is shown as it was, on one line. Words that hold an address become code spans.

    Not for cells of a table, whose bars split code spans too.
    """
    first, *words = one_line(text, limit=MAX_SENTENCE).split(" ")
    return " ".join([_LEADING.sub(r"\\\g<0>", _escaped(first)), *map(_escaped, words)])


def code(text: object) -> str:
    """The text as a code span, in which nothing is rendered."""
    line = one_line(text, limit=MAX_SENTENCE)
    longest = max((len(run) for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * (longest + 1)
    # Markdown takes one space off both ends.
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""


def plain(markdown: str) -> str:
    """A sentence of the UI for a console or a message, which show Markdown as it is written: without escapes.

    Code spans keep their backticks, as quotation marks.
    """
    return _WRITTEN.sub(lambda found: found[1] or found[0], markdown)


def _escaped(word: str) -> str:
    return code(word) if _ADDRESS.search(word) else _SPECIAL.sub(r"\\\g<0>", word)
