"""The whole way of a day, amoCRM to shard, without Dagster around it, and what must be true of its end."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amocrm_assets.capturing import capture_days
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.rows import write_rows
from amocrm_assets.warehouse import ShardLoad
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.accounts import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.read_stats import Metadata
    from amocrm_assets.entities import Entity
    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

# More would let a busy machine's answers look as if they trickled in.
HASTE = 25.0


@contextmanager
def hurried_client(sandbox: Sandbox, *, read_seconds: float = 120.0) -> Iterator[AmoCrmClient]:
    """A client of the sandbox for which 25 seconds are one, but for its timeout for each answer."""
    with client_of(
        sandbox,
        sleep=lambda seconds: time.sleep(seconds / HASTE),
        clock=lambda: time.monotonic() * HASTE,
        read_seconds=read_seconds,
    ) as client:
        yield client


@dataclass
class WholeWay:
    """Captures, rows and shards of one source in one folder."""

    folder: Path
    storage: Storage
    source: SourceSettings
    entity: Entity = LEADS
    written: list[RowsWritten] = field(default_factory=list)
    read: dict[date, Metadata] = field(default_factory=dict)

    @property
    def warehouse(self) -> DuckDbWarehouse:
        """Beside the storage."""
        return DuckDbWarehouse(self.folder / "warehouse.duckdb")

    def go(self, client: AmoCrmClient, days: Sequence[date]) -> None:
        """Bring days from amoCRM to their shards."""
        captured = capture_days(self.entity, self.source, days, client=client, storage=self.storage)
        self.read = {each.day: each.metadata for each in captured}
        self.written = [write_rows(self.entity, self.storage, self.source, day) for day in days]
        loads = [
            ShardLoad(self.entity.table, self.source.subdomain, day, each.name, each.row_count)
            for day, each in zip(days, self.written, strict=True)
        ]
        for _, put in self.warehouse.load(loads, self.storage, run_id="proof"):
            if isinstance(put, Exception):
                raise put

    def shard(self, day: date) -> list[dict[str, Any]]:
        """Rows of a day's shard."""
        (table,) = self.warehouse.tables(self.entity.table, self.source.subdomain, [day])
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def stands(self, sandbox: Sandbox, day: date) -> dict[int, int]:
        """`updated_at` by id of the records that the account has in a day now."""
        window = day_window(day, self.source.zone)
        listed = sandbox.account if self.entity is LEADS else getattr(sandbox, self.entity.name)
        stamps: dict[int, int] = listed.stamps(window.from_at, window.to_at)
        return stamps | listed.stamps(window.from_at, window.to_at, deleted=True)

    def check_complete(self, sandbox: Sandbox, day: date, *, stood: dict[int, int]) -> None:
        """Leads that stood in the day before the reading and stand there still are in the shard, each once."""
        rows = self.shard(day)
        shard = {row["id"]: row["updated_at"] for row in rows}
        assert len(shard) == len(rows)
        untouched = dict(stood.items() & self.stands(sandbox, day).items())
        missing = untouched.keys() - shard.keys()
        assert not missing, f"{len(missing)} of {len(untouched)} are missing"
        assert {lead: shard[lead] for lead in untouched} == untouched
        window = day_window(day, self.source.zone)
        assert all(window.from_at <= at <= window.to_at for at in shard.values())

    def check_nothing_written(self) -> None:
        """No capture, no rows, no shard, no file that was begun."""
        assert left_in(self.folder) == []
        assert self.warehouse.shard_days(self.entity.table, self.source.subdomain) == {}


def left_in(folder: Path) -> list[str]:
    """Files below a folder but for locks, which stay, empty, and the pace that is handed over beside them."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "locks"]
    return sorted(str(path.relative_to(folder)) for path in files if not path.name.endswith(".lock"))
