"""Formats values of custom fields as text, by field type: shards hold every value as text.

A value that its field type cannot hold becomes an `InvalidValue`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.custom_fields import WholeItem
from amocrm_assets.rows.json_values import Number, boolean_of, compact_json, integer_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = frozenset({
    "category", "monetary", "multiselect", "multitext", "numeric", "org_legal_name", "price", "radiobutton",
    "select", "smart_address", "streetaddress", "text", "textarea", "tracking_data", "url",
})  # fmt: skip
OBJECTS = frozenset({"file", "items", "legal_entity", "linked_entity", "payer", "supplier"})
# In fields of all other types, texts are not changed.
CONVERTED = frozenset({"birthday", "checkbox", "date", "date_time"})

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].+)?")
# Digits that may be a date without hyphens (20200508, 080520, 2020) or Unix seconds.
_AMBIGUOUS = re.compile(r"[0-9]{4}|[0-9]{6}|[0-9]{8}")


@dataclass(frozen=True)
class InvalidValue:
    """A value that does not fit its field's type; `note` is the kind of the oddity."""

    note: str


class ValueFormatter:
    """Formats values of custom fields; dates and times in the time zone `zone`."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        date_text, date_time_text = _dates_only(self._date), _dates_only(self._date_time)
        self._by_type: dict[str, Callable[[Any], str | None]] = {
            **dict.fromkeys(TEXTS, _plain),
            **dict.fromkeys(OBJECTS, _object),
            "birthday": date_text,
            "checkbox": _checkbox,
            "date": date_text,
            "date_time": date_time_text,
        }

    def text(self, value: Any, field_type: str | None) -> str | InvalidValue | None:
        """The text of a value; None for null."""
        if value is None:
            return None
        try:
            text = self._by_type.get(field_type or "", _anything)(value)
        except RecursionError:
            return InvalidValue(f"value of a {field_type} field: nested too deeply")
        if text is None:
            found = "nothing" if type(value) is WholeItem else kind_of(value)
            return InvalidValue(f"value of a {field_type} field: {found}")
        return text

    def _date(self, value: int | str) -> str | None:
        moment = _moment_of(value, self._zone)
        return moment.date().isoformat() if moment else None

    def _date_time(self, value: int | str) -> str | None:
        moment = _moment_of(value, self._zone)
        try:
            if moment and moment.strftime("%z")[5:]:  # offsets of old have seconds, which RFC 3339 does not allow
                moment = moment.astimezone(UTC)
        except OverflowError:  # it is before the year 1 in UTC
            return None
        return moment.isoformat() if moment else None


def _dates_only(text: Callable[[int | str], str | None]) -> Callable[[Any], str | None]:
    """`text` with a cache, since values repeat; None for values that cannot be a date."""
    cached = lru_cache(65536, typed=True)(text)
    return lambda value: cached(value) if type(value) in (int, str, Number) else None


def _moment_of(value: int | str, zone: tzinfo) -> datetime | None:
    """The time from Unix seconds (a number or a text) or from an ISO text, in the time zone."""
    try:
        if type(value) is str and _ISO.fullmatch(value):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
        if type(value) is str and _AMBIGUOUS.fullmatch(value):
            return None
        seconds = integer_of(value)
        return None if seconds is None else datetime.fromtimestamp(seconds, zone)
    except (ValueError, OverflowError, OSError):  # the date does not exist, or is out of range
        return None


def _plain(value: Any) -> str | None:
    if type(value) is str:
        return value
    return compact_json(value) if type(value) in (int, Number) else None


def _object(value: Any) -> str | None:
    if type(value) is str:
        return value
    return compact_json(value) if type(value) is dict else None


def _checkbox(value: Any) -> str | None:
    checked = boolean_of(value)
    return None if checked is None else "true" if checked else "false"


def _anything(value: Any) -> str:
    return value if type(value) is str else compact_json(value)
