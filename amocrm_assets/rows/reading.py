"""Lines of captures to leads: with notes of what did not fit, and names of properties that nobody knows.

Well-formed leads take a quick way, on which the decoder itself checks every type. For the others
see `malformed`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from amocrm_assets.rows.json_values import Number
from amocrm_assets.rows.leads import KNOWN_PROPERTIES, KnownLead, Lead
from amocrm_assets.rows.malformed import lead_of_malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Notes = dict[int, Sequence[str]]

# More than an account has; a stream of ever new names is not remembered for ever.
_MAX_NAMES = 20_000
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class LeadReader:
    """Reads lines of captures; `unknown_properties` gathers the names of properties that nothing here knows."""

    def __init__(self) -> None:
        self.unknown_properties: set[str] = set()
        self._known_lead = msgspec.json.Decoder(KnownLead, float_hook=Number)
        self._lead = msgspec.json.Decoder(Lead, float_hook=Number)
        self._properties = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._names = _Names()

    def read(self, lines: Sequence[bytes]) -> tuple[Sequence[Lead | None], Notes]:
        """The lead of each line, None for one without a usable id; and by place notes of what did not fit."""
        with suppress(*_MALFORMED):  # around all of them: around each it would cost as much as keeping the lead
            return [self._known(line) for line in lines], {}
        notes: Notes = {}
        return [self._any(line, place, notes) for place, line in enumerate(lines)], notes

    def _known(self, line: bytes) -> Lead:
        lead = self._known_lead.decode(line)
        for field in lead.custom_fields or ():
            field.field_name = self._names[bytes(field.field_name)]  # type: ignore[assignment]
        return lead

    def _any(self, line: bytes, place: int, notes: Notes) -> Lead | None:
        with suppress(*_MALFORMED):
            return self._known(line)
        with suppress(*_MALFORMED):
            lead = self._lead.decode(line)
            self._gather(self._properties.decode(line))
            return lead
        lead_or_none, properties, notes[place] = lead_of_malformed(line)
        self._gather(properties)
        return lead_or_none

    def _gather(self, properties: Iterable[str]) -> None:
        self.unknown_properties |= KNOWN_PROPERTIES.union(properties) - KNOWN_PROPERTIES


class _Names(dict[bytes, str | None]):
    """Names of custom fields by how they were sent: few different ones, each decoded once.

    amoCRM sends them escaped (\\u0413…), which makes them the dearest part of a lead to decode.
    """

    def __missing__(self, sent: bytes) -> str | None:
        name = msgspec.json.decode(sent, type=str | None)
        if len(self) < _MAX_NAMES:
            self[sent] = name
        return name
