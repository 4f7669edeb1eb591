"""Replaces a table that an account has once: flat tables, stages, loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.entities import Table
    from amocrm_assets.orchestration.resources import AmoCrmDeployment
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import LoadResult, Warehouse


class WholeWritten(Protocol):
    """The file to load for a table that an account has once."""

    @property
    def table(self) -> Table:
        """The table, with its columns."""
        ...

    @property
    def name(self) -> str:
        """The file's name in the storage."""
        ...

    @property
    def row_count(self) -> int:
        """The number of its rows."""
        ...


Written = TypeVar("Written", bound=WholeWritten)


def replace_whole(
    name: str,
    amocrm: AmoCrmDeployment,
    source: SourceSettings,
    run_id: str,
    *,
    write: Callable[[Storage, Warehouse], Written],
) -> tuple[Written, LoadResult]:
    """Make a table and load it, one run at a time, so that no older table overwrites a newer one."""
    from amocrm_assets.warehouse import TableLoad

    storage, warehouse = amocrm.storage(), amocrm.warehouse(source)
    with storage.lock(f"locks/{source.subdomain}-{name}", wait_seconds=amocrm.lock_wait_seconds):
        written = write(storage, warehouse)
        load = TableLoad(written.table, source.subdomain, written.name, written.row_count)
        ((_, outcome),) = warehouse.load([load], storage, run_id=run_id)
        if isinstance(outcome, Exception):
            raise outcome
    return written, outcome
