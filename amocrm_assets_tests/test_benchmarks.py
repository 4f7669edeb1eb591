"""What the benchmarks run in processes of their own still works; what they measure is for `make bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import loading
from benchmarks.__main__ import BENCHMARKS
from benchmarks.code_location import load_all, load_one_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("imports", [loading.LEADS, loading.EVERYTHING], ids=["leads", "everything"])
def test_the_sources_of_the_loading_benchmark_load(tmp_path: Path, imports: str) -> None:
    loading.write_sources(tmp_path, 2, imports)
    load_all(str(tmp_path))
    load_one_job(str(tmp_path))


def test_loading_is_also_measured_as_a_multiple_of_importing_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {"--help": 0.2, "import dagster": 2.0, "1 source": 0.5, "a run of one source of 1": 0.4}
    monkeypatch.setattr(loading, "measure", lambda *_, **__: measured)
    figures = list(BENCHMARKS["loading"](quick=True))
    assert [(each.what, each.value) for each in figures if each.unit.startswith("times")] == [
        ("1 source, in addition to import dagster", 0.25),
        ("a run of one source of 1, in addition to import dagster", 0.2),
    ]
