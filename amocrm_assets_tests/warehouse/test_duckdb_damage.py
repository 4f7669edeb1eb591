"""A damaged file is called so and comes back from rows, and a crash or a full disk leaves a whole shard."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import time
from datetime import date
from pathlib import Path

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.warehouse import LoadResult
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.warehouse.places import Place, lead

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 1)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.duckdb"
    file.write_text("no database" * 1000)

    with pytest.raises(WarehouseRefused, match="not a valid DuckDB database file") as caught:
        DuckDbWarehouse(file).prepare()

    assert f"`mv {file} {file}.damaged`" in caught.value.fix


@pytest.mark.parametrize("damage", ["changed header", "changed block", "cut short", "emptied"])
def test_a_damaged_file_is_called_damaged_and_its_shards_come_back_from_rows(
    duckdb_place: Place, duckdb_file: Path, damage: str
) -> None:
    load = duckdb_place.load(DAY, [lead(number) for number in range(5000)])
    duckdb_place.load_shards(load)
    content = bytearray(duckdb_file.read_bytes())
    if damage.startswith("changed"):
        content[100 if damage == "changed header" else 20_000] ^= 0xFF
    content = content[: {"cut short": 20_000, "emptied": 0}.get(damage, len(content))]
    duckdb_file.write_bytes(content)

    with pytest.raises(WarehouseRefused) as caught:
        duckdb_place.warehouse.read(LEADS.table, "acme", [DAY])

    assert "The file is damaged" in caught.value.fix
    assert "materialise the assets with tables for all days" in caught.value.fix
    assert "space" not in caught.value.fix

    duckdb_file.rename(f"{duckdb_file}.damaged")
    assert isinstance(duckdb_place.load_shards(load)[DAY], LoadResult)
    assert len(duckdb_place.leads(DAY)) == 5000


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    file = tmp_path / "folder.duckdb"
    file.mkdir()

    with pytest.raises(WarehouseRefused) as caught:
        DuckDbWarehouse(file).prepare()

    assert "Check that" in caught.value.fix
    assert "is a file" in caught.value.fix


def run_put(place: Place, file: Path, *, before: str = "", leads: int = 3000) -> subprocess.Popen[str]:
    """Another process that replaces one shard again and again, with the rows that are in the storage."""
    storage = place.storage.uri("rows").removesuffix("/rows")
    program = f"""
        import itertools
        from datetime import date
        from amocrm_assets.entities import LEADS
        from amocrm_assets.storage import open_storage
        from amocrm_assets.warehouse import ShardLoad, open_warehouse
        {before}
        warehouse, storage = open_warehouse("duckdb:///{file}"), open_storage({storage!r})
        load = ShardLoad(LEADS.table, "acme", date(2026, 1, 1), "rows/acme/leads/2026-01-01.parquet", {leads})
        for turn in itertools.count():
            for _, outcome in warehouse.load([load], storage, run_id=str(turn)):
                print(type(outcome).__name__, outcome, flush=True)
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)


def test_a_process_killed_at_any_moment_leaves_the_old_shard_or_the_new_one(
    duckdb_place: Place, duckdb_file: Path
) -> None:
    chance = random.Random(20260101)
    old = [lead(number) for number in range(10)]
    new = [lead(number) for number in range(3000)]
    found = set()
    for _ in range(3):
        duckdb_place.load_shards(duckdb_place.load(DAY, old))
        duckdb_place.load(DAY, new)
        process = run_put(duckdb_place, duckdb_file)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
        found.add(len(duckdb_place.leads(DAY)))

    assert found <= {10, 3000}
    assert 3000 in found


def test_a_full_disk_leaves_the_old_shard_and_says_what_to_do(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    room = duckdb_file.stat().st_size + 100_000
    duckdb_place.load(DAY, [lead(number, name=f"{number}" * 50) for number in range(30_000)])
    # A limit on the size of files fails a write as a full disk does.
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))"

    process = run_put(duckdb_place, duckdb_file, before=limit, leads=30_000)
    with process:
        assert process.stdout is not None
        sentences = process.stdout.readline()
        process.kill()

    assert sentences.startswith("WarehouseRefused Writing amoCrmLeads_acme_20260101"), sentences
    assert "Free some space in the folder of" in sentences
    assert duckdb_place.leads(DAY) == [lead(1)]
