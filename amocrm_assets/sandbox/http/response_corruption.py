"""Corrupts the body of a response for a fault: bytes removed or overwritten, invalid rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.custom_fields import many_text_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Json = dict[str, Any]
_HUGE = 1 << 20
_LISTS = ("leads", "contacts", "companies", "tasks", "notes", "events")


def corrupted_rows(kind: str, body: bytes, rng: Random) -> bytes:
    """The body with one kind of bad rows, or unchanged if the fault is not of rows or there are none."""
    corrupt = _CORRUPTIONS.get(kind)
    if corrupt is None or not body.startswith(b"{"):
        return body
    page = json.loads(body)
    embedded = page.get("_embedded", {})
    rows: list[Json] = next((embedded[name] for name in _LISTS if name in embedded), [])
    if not rows:
        return body
    corrupt(page, rows, rng)
    text = json.dumps(page, separators=(",", ":"))
    if kind == "repeated-key":
        text = text.replace('"name":', '"name":"of an earlier key","name":', 1)
    return text.encode()


def garbled(body: bytes) -> bytes:
    """Compressed bytes with a hole in the middle."""
    middle = len(body) // 2
    return body[:middle] + bytes(8) + body[middle + 8 :]


def halved(body: bytes) -> bytes:
    """Compressed bytes that end too early; some clients accept them as complete."""
    return body[: len(body) // 2]


def _without_id(_page: Json, rows: list[Json], rng: Random) -> None:
    del rng.choice(rows)["id"]


def _ids_as_strings(_page: Json, rows: list[Json], _rng: Random) -> None:
    for row in rows:
        row["id"] = str(row["id"])


def _outside_window(_page: Json, rows: list[Json], rng: Random) -> None:
    row = rng.choice(rows)
    row["updated_at" if "updated_at" in row else "created_at"] = 946684800  # 2000-01-01


def _twice(_page: Json, rows: list[Json], rng: Random) -> None:
    place = rng.randrange(len(rows))
    rows.insert(place, rows[place] | {"price": 1, "name": "the same lead once more"})


def _huge_text(_page: Json, rows: list[Json], rng: Random) -> None:
    rng.choice(rows)["name"] = "ж" * _HUGE


def _lone_surrogate(_page: Json, rows: list[Json], rng: Random) -> None:
    rng.choice(rows)["name"] = "half of an emoji: \ud83d"


def _nul(_page: Json, rows: list[Json], rng: Random) -> None:
    rng.choice(rows)["name"] = "before\x00after"


def _many_fields(_page: Json, rows: list[Json], rng: Random) -> None:
    rng.choice(rows)["custom_fields_values"] = many_text_values(10_000)


def _next_elsewhere(page: Json, _rows: list[Json], _rng: Random) -> None:
    page["_links"]["next"] = {"href": "http://elsewhere.example/api/v4/leads?page=2"}


def _as_it_is(_page: Json, _rows: list[Json], _rng: Random) -> None:
    """A dict cannot hold a repeated key; `corrupted_rows` writes it into the text."""


_CORRUPTIONS: dict[str, Callable[[Json, list[Json], Random], None]] = {
    "row-without-id": _without_id,
    "ids-as-strings": _ids_as_strings,
    "row-outside-window": _outside_window,
    "row-twice": _twice,
    "huge-text": _huge_text,
    "lone-surrogate": _lone_surrogate,
    "nul": _nul,
    "many-fields": _many_fields,
    "next-elsewhere": _next_elsewhere,
    "repeated-key": _as_it_is,
}
