"""A disk that is full or read-only fails a run with its fix, and takes nothing from what is there already."""

from __future__ import annotations

import random
import shutil
import subprocess
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.errors import StorageRefused, StorageUnavailable, WarehouseRefused
from amocrm_assets.sandbox import Sandbox, SandboxOptions, running_sandbox
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import DAY, leads_of, source
from amocrm_assets_tests.guarantees.whole_way import WholeWay, hurried_client, left_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

DAYS = [DAY + timedelta(days=number) for number in range(3)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    populations = (leads_of(DAY, 1_500, days=3),)
    with running_sandbox(SandboxOptions(populations=populations, requests_per_second=None)) as running:
        yield running


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")

    def limit(self, size_bytes: int) -> None:
        """Make it so small, or so big."""
        self._mount("-o", f"remount,rw,size={size_bytes}")

    def write_protect(self) -> None:
        """Allow reading only."""
        self._mount("-o", "remount,ro")

    def used_bytes(self) -> int:
        """What is taken of it; files take whole blocks."""
        return shutil.disk_usage(self.folder).used

    def _mount(self, *arguments: str) -> None:
        subprocess.run(["/bin/mount", *arguments, str(self.folder)], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        disk = Disk(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting a small file system needs root: {error}")
    yield disk
    subprocess.run(["/bin/umount", str(folder)], check=True)


@pytest.fixture
def way(disk: Disk) -> WholeWay:
    return WholeWay(disk.folder, open_storage(str(disk.folder / "data")), source())


def go(way: WholeWay, sandbox: Sandbox) -> None:
    with hurried_client(sandbox) as client:
        way.go(client, DAYS)


@pytest.mark.rounds(6, 200)
def test_a_disk_that_fills_up_at_any_moment(way: WholeWay, disk: Disk, sandbox: Sandbox, seed: int) -> None:
    go(way, sandbox)
    before = [way.shard(day) for day in DAYS]
    disk.limit(disk.used_bytes() + random.Random(seed).randrange(4_096, 600_000))
    with suppress(StorageRefused, WarehouseRefused):  # or it has just sufficed
        go(way, sandbox)

    assert [way.shard(day) for day in DAYS] == before
    disk.limit(64_000_000)
    go(way, sandbox)
    assert [way.shard(day) for day in DAYS] == before
    held = [name for name in way.storage.names("") if not name.startswith("locks/")]
    assert set(left_in(way.folder)) == {"warehouse.duckdb", *(f"data/{name}" for name in held)}


def test_a_full_disk_is_said_so_and_leaves_no_trace(way: WholeWay, disk: Disk, sandbox: Sandbox) -> None:
    disk.limit(8_192)
    with pytest.raises(StorageRefused, match="Free some space"):
        go(way, sandbox)

    assert left_in(way.folder) == []


def test_a_disk_that_may_only_be_read(way: WholeWay, disk: Disk, sandbox: Sandbox) -> None:
    go(way, sandbox)
    before = [way.shard(day) for day in DAYS]
    disk.write_protect()
    with pytest.raises((StorageRefused, StorageUnavailable), match="Mount it writable"):
        go(way, sandbox)
    with pytest.raises(WarehouseRefused, match="write permission for /"):
        way.warehouse.prepare()

    assert [way.shard(day) for day in DAYS] == before
