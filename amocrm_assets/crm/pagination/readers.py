"""Which reader reads a list completely, by its kind: the one place to name a new reader.

A reader has what `WindowReader` has: `batches`, `may_still_yield` and `progress`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.appended_reader import AppendedReader
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.crm.pagination.window_reader import WindowReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList
    from amocrm_assets.entities.record_list import ListKind

_READERS: dict[ListKind, type[WindowReader]] = {"moving": WindowReader, "appended": AppendedReader}


def reader_of(
    client: AmoCrmClient, window: Window, lists: Sequence[RecordList], *, traits: AccountTraits = UNKNOWN
) -> WindowReader:
    """The reader of an entity's lists, which are of one kind. `traits` are beliefs to start from."""
    return _READERS[lists[0].kind](client, window, lists, traits=traits)
