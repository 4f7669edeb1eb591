"""An alert: one problem of one source, with its cause, its fix, the affected days and a link."""

from __future__ import annotations

from dataclasses import dataclass

from amocrm_assets.untrusted import visible

# Chat services truncate messages, and a traceback is useless there.
MAX_TEXT = 600


@dataclass(frozen=True)
class Problem:
    """A problem; those with the same `key` are one, and are sent once a day and cause until they are resolved."""

    key: str
    source: str
    what: str
    cause: str
    fix: str
    days: str = ""
    path: str = ""
    """The path of the page in the Dagster UI, starting with a slash."""


@dataclass(frozen=True)
class Message:
    """A title and a plain text."""

    title: str
    body: str


def problem_message(problem: Problem, *, ui_url: str | None) -> Message:
    """The message for an open problem."""
    lines = [f"Cause: {_short(problem.cause)}", f"Fix: {_short(problem.fix)}"]
    if problem.days:
        lines.append(f"Days: {_short(problem.days)}")
    if ui_url and problem.path:
        lines.append(f"Details: {ui_url}{problem.path}")
    return Message(f"amoCRM {problem.source}: {problem.what}", "\n".join(lines))


def recovery_message(title: str) -> Message:
    """The message for a resolved problem; `title` is that of its first message."""
    return Message(f"{title}: over", "The problem is resolved. Nothing to do.")


def _short(text: str) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 2]} …"
