"""What an alert tells: one problem of one source, with its cause, its fix, the days concerned and a link."""

from __future__ import annotations

from dataclasses import dataclass

# Chat services cut messages off; a traceback helps nobody there.
MAX_TEXT = 600


@dataclass(frozen=True)
class Problem:
    """A problem; those with the same `key` are one, and are told once a day until they are over."""

    key: str
    source: str
    what: str
    cause: str
    fix: str
    days: str = ""
    path: str = ""
    """Of the page in the Dagster UI, beginning with a slash."""


@dataclass(frozen=True)
class Message:
    """A title and a plain text."""

    title: str
    body: str


def problem_message(problem: Problem, *, ui_url: str | None) -> Message:
    """The message for a problem that is there."""
    lines = [f"Cause: {_short(problem.cause)}", f"Fix: {_short(problem.fix)}"]
    if problem.days:
        lines.append(f"Days: {_short(problem.days)}")
    if ui_url and problem.path:
        lines.append(f"Details: {ui_url}{problem.path}")
    return Message(f"amoCRM {problem.source}: {problem.what}", "\n".join(lines))


def recovery_message(title: str) -> Message:
    """The message for a problem that is over; `title` is that of its message."""
    return Message(f"{title}: over", "It is well again. Nothing is to be done.")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 2]} …"
