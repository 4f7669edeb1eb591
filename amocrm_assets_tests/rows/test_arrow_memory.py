"""Rows are made and read with memory that goes back to the system, and the allocator of before is back then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.arrow_memory import arrow_memory_returned
from amocrm_assets.rows.files import rows_file
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.rows.days import DAY, keep, lead, source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def default() -> Iterator[pa.MemoryPool]:
    """Another one than the system's, whatever the variable of the environment says."""
    before = pa.default_memory_pool()
    pool = pa.mimalloc_memory_pool()
    pa.set_memory_pool(pool)
    yield pool
    pa.set_memory_pool(before)


def test_the_allocator_of_before_is_back_after_an_error(default: pa.MemoryPool) -> None:
    @arrow_memory_returned()
    def fail() -> None:
        assert pa.default_memory_pool().backend_name == "system"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pa.default_memory_pool().backend_name == default.backend_name == "mimalloc"


def test_contexts_that_end_in_another_order_leave_the_allocator_of_before() -> None:
    one, other = arrow_memory_returned(), arrow_memory_returned()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert pa.default_memory_pool().backend_name == "system"
    other.__exit__(None, None, None)
    assert pa.default_memory_pool().backend_name == "mimalloc"


def test_rows_come_from_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, backends = open_storage(str(tmp_path)), []
    keep(storage, [lead(1)])
    write_table = pq.ParquetWriter.write_table

    def noted(*given: Any, **named: Any) -> None:
        backends.append(pa.default_memory_pool().backend_name)
        write_table(*given, **named)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", noted)
    write_rows(LEADS, storage, source(), DAY)
    with pytest.raises(ActionRequired):
        write_rows(LEADS, open_storage(str(tmp_path / "empty")), source(), DAY)

    assert set(backends) == {"system"}
    with rows_file(LEADS.table, storage, "acme", DAY):
        assert pa.default_memory_pool().backend_name == "system"
    assert pa.default_memory_pool().backend_name == "mimalloc"
