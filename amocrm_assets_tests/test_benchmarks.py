"""What the benchmarks run in processes of their own still works; what they measure is for `make bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.orchestration.source import source_definitions
from benchmarks import loading
from benchmarks.__main__ import BENCHMARKS
from benchmarks.code_location import load_all, load_one_job
from benchmarks.plain_dagster import plain_definitions, run_plain
from benchmarks.reading import DAY
from benchmarks.sources import everything, source_of

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


def test_plain_dagster_has_the_assets_and_checks_of_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    source = source_of("http://127.0.0.1:1", token=None, **everything())
    ours = source_definitions(source)
    plain = plain_definitions(ours, source, name=source.key).get_repository_def().asset_graph
    own = ours.get_repository_def().asset_graph
    assert plain.executable_asset_keys == own.executable_asset_keys
    assert plain.asset_check_keys == own.asset_check_keys
    run_plain(source, [DAY])


def test_loading_many_sources_is_compared_with_plain_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {"import dagster": 2.0, "200 sources": 6.0, "200 sources, plain Dagster": 5.0}
    monkeypatch.setattr(loading, "measure", lambda *_, **__: measured)
    ratio = list(BENCHMARKS["loading"](quick=False))[-3]
    assert (ratio.what, ratio.value) == ("200 sources, compared with plain Dagster", 1.2)
