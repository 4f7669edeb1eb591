"""Which reader reads a list completely, by its kind: the one place to name a new reader.

`Reader` is the protocol of a reader for `capturing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from amocrm_assets.crm.pagination.appended_reader import AppendedReader
from amocrm_assets.crm.pagination.by_id_reader import ByIdReader
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.crm.pagination.window_reader import WindowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.crm.pagination.window_reader import ReadProgress
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList
    from amocrm_assets.entities.record_list import ListKind


class ReadRecord(Protocol):
    """A record that was read: one line of JSON, its key, and the second that decides to which day it belongs.

    A key that is an integer, or ends with one, is an id, and has to fit into 64 bits.
    """

    @property
    def key(self) -> Hashable:
        """What tells it apart from the other records of its entity."""

    @property
    def at(self) -> int:
        """Unix seconds."""

    @property
    def line(self) -> bytes:
        """The record as it was sent."""

    @property
    def account_id(self) -> int | None:
        """The account that it is of, where it says so."""


class Reader(Protocol):
    """One complete reading of a window. Iterate `batches` to its end; only then everything was read."""

    progress: ReadProgress
    """Progress of the reading, as of the last batch that was taken."""

    def may_still_yield(self, window: Window) -> bool:
        """Whether batches that were not taken yet may hold records of a part of the window."""

    def batches(self) -> Generator[Sequence[ReadRecord]]:
        """The records of the window, some at a time, in no order; each once unless it is edited meanwhile."""


_READERS: dict[ListKind, Callable[..., Reader]] = {
    "moving": WindowReader,
    "by_id": ByIdReader,
    "appended": AppendedReader,
}


def reader_of(
    client: AmoCrmClient, window: Window, lists: Sequence[RecordList], *, traits: AccountTraits = UNKNOWN
) -> Reader:
    """The reader of an entity's lists, which are of one kind. `traits` are beliefs to start from."""
    return _READERS[lists[0].kind](client, window, lists, traits=traits)
