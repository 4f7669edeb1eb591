"""The whole way of a day, amoCRM to shard, without Dagster around it, and what must be true of its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amocrm_assets.capturing import capture_days, day_window
from amocrm_assets.rows import write_rows
from amocrm_assets.warehouse import ShardLoad
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.accounts import client_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

HASTE = 100.0


def hurried_clock() -> float:
    """A clock on which a hundred seconds are one."""
    return time.monotonic() * HASTE


def hurried_sleep(seconds: float) -> None:
    """The sleep that fits the clock."""
    time.sleep(seconds / HASTE)


@dataclass
class WholeWay:
    """Captures, rows and shards of one source in one folder."""

    folder: Path
    storage: Storage
    source: SourceSettings
    written: list[RowsWritten] = field(default_factory=list)

    @property
    def warehouse(self) -> DuckDbWarehouse:
        """Beside the storage."""
        return DuckDbWarehouse(self.folder / "warehouse.duckdb")

    def go(self, sandbox: Sandbox, days: Sequence[date], **client: Any) -> None:
        """Bring days from the sandbox to their shards; a client's time runs a hundred times as fast."""
        given = {"sleep": hurried_sleep, "clock": hurried_clock, "read_seconds": 0.5} | client
        with client_of(sandbox, **given) as asking:
            for _ in capture_days(self.source, days, client=asking, storage=self.storage):
                pass
        self.written = [write_rows(self.storage, self.source, day) for day in days]
        loads = [
            ShardLoad(self.source.subdomain, day, each.name, each.row_count)
            for day, each in zip(days, self.written, strict=True)
        ]
        for _, put in self.warehouse.put(loads, self.storage, run_id="proof"):
            if isinstance(put, Exception):
                raise put

    def shard(self, day: date) -> list[dict[str, Any]]:
        """Rows of a day's shard."""
        rows: list[dict[str, Any]] = self.warehouse.read(self.source.subdomain, [day]).to_dict("records")
        return rows

    def stands(self, sandbox: Sandbox, day: date) -> dict[int, int]:
        """`updated_at` by id of the leads that the account has in a day now."""
        window = day_window(day, self.source.zone)
        live = sandbox.account.stamps(window.from_at, window.to_at)
        return live | sandbox.account.stamps(window.from_at, window.to_at, deleted=True)

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
        assert self.warehouse.shard_days(self.source.subdomain) == {}


def left_in(folder: Path) -> list[str]:
    """Files below a folder but for locks, which stay, empty, where a lock was held once."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(folder)) for path in files if not path.name.endswith(".lock"))
