"""Selects the reader of a list by its kind: a new reader is added here only.

`Reader` is the protocol of a reader for `capturing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from amocrm_assets.crm.pagination.appended_reader import AppendedReader
from amocrm_assets.crm.pagination.by_id_reader import ByIdReader
from amocrm_assets.crm.pagination.traits import UNKNOWN
from amocrm_assets.crm.pagination.window_reader import WindowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Sequence
    from concurrent.futures import Future

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.crm.pagination.window_reader import ReadProgress
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList
    from amocrm_assets.entities.record_list import ListKind


T = TypeVar("T")


class ReadRecord(Protocol):
    """A record that was read: one line of JSON, its key, and the second that determines its day.

    A key that is an integer, or ends with one, is an id, and has to fit into 64 bits.
    """

    @property
    def key(self) -> Hashable:
        """Unique within its entity."""

    @property
    def at(self) -> int:
        """Unix seconds."""

    @property
    def line(self) -> bytes:
        """The record as it was sent."""

    @property
    def account_id(self) -> int | None:
        """The id of its account, if it contains one."""


class Reader(Protocol):
    """One complete reading of a window. Iterate over `batches` to the end; only then is everything read."""

    progress: ReadProgress
    """Progress of the reading, as of the last batch that was consumed."""

    def may_still_yield(self, window: Window) -> bool:
        """Whether batches that were not consumed yet may contain records of a part of the window."""

    def wait_beside(self, request: Future[T]) -> T:
        """The result of another request of the client. Raises the error of the reading if that fails first."""

    def batches(self) -> Generator[Sequence[ReadRecord]]:
        """The records of the window in batches, unsorted; each once unless it is edited in the meantime."""


_READERS: dict[ListKind, Callable[..., Reader]] = {
    "moving": WindowReader,
    "by_id": ByIdReader,
    "appended": AppendedReader,
}


def reader_of(
    client: AmoCrmClient, window: Window, lists: Sequence[RecordList], *, traits: AccountTraits = UNKNOWN
) -> Reader:
    """The reader of an entity's lists, which are of one kind. `traits` are its initial assumptions."""
    return _READERS[lists[0].kind](client, window, lists, traits=traits)
