"""What the benchmarks run in processes of their own still works; what they measure is for `make bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.code_location import load_all, load_one_job
from benchmarks.loading import EVERYTHING, LEADS, write_sources

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("imports", [LEADS, EVERYTHING])
def test_the_sources_of_the_loading_benchmark_load(tmp_path: Path, imports: str) -> None:
    write_sources(tmp_path, 2, imports)
    load_all(str(tmp_path))
    load_one_job(str(tmp_path))
