"""Reading of one capture line: a lead, notes of what did not fit, and names of properties that nobody knows.

Well-formed leads take a quick way, on which the decoder itself checks every type. How the others are read is
known to `misfits`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from amocrm_assets.rows.json_values import Number
from amocrm_assets.rows.leads import KNOWN_PROPERTIES, KnownLead, Lead
from amocrm_assets.rows.misfits import lead_of_misfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class LeadReader:
    """Reads lines of captures; `unknown_properties` gathers the names of properties that nothing here knows."""

    def __init__(self) -> None:
        self.unknown_properties: set[str] = set()
        self._known_lead = msgspec.json.Decoder(KnownLead, float_hook=Number)
        self._lead = msgspec.json.Decoder(Lead, float_hook=Number)
        self._names = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def read(self, line: bytes) -> tuple[Lead | None, Sequence[str]]:
        """The lead, or None for a line without a usable id; and notes of what did not fit."""
        misfits = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
        with suppress(*misfits):
            return self._known_lead.decode(line), ()
        with suppress(*misfits):
            lead = self._lead.decode(line)
            self._gather(self._names.decode(line))
            return lead, ()
        lead_or_none, names, notes = lead_of_misfit(line)
        self._gather(names)
        return lead_or_none, notes

    def _gather(self, names: Iterable[str]) -> None:
        self.unknown_properties |= KNOWN_PROPERTIES.union(names) - KNOWN_PROPERTIES
