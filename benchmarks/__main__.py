"""All benchmarks, or those that are named: a table on the screen, and the figures in build/bench.json.

`make bench`, or `python -m benchmarks [--quick] [reading] [limits] [rows] [whole_way] [loading]`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks import limits, loading, reading, rows, whole_way
from benchmarks.measuring import Figure, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[1] / "build" / "bench.json"


def main() -> None:
    """Measure, print, write down. The exit status says nothing of the figures: a busy machine is no defect."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all of them if none is given")
    parser.add_argument("--quick", action="store_true", help="small accounts and few cases, a minute in all")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    console = Console(width=150)
    for name in arguments.names or BENCHMARKS:
        for figure in BENCHMARKS[name](quick=arguments.quick):
            console.print(f"  {figure.benchmark} · {figure.what}: {figure.value:,.4g} {figure.unit}")
            figures.append(figure)
            _write(figures, quick=arguments.quick)
    console.print(_table(figures))
    console.print(f"The figures are in {FILE.relative_to(Path.cwd())}.")


def _loading(*, quick: bool) -> Iterator[Figure]:
    told = loading.measure((1,) if quick else (1, 10, 100))
    floor = told["import dagster"]
    for what, seconds in told.items():
        yield Figure("loading the code location", what, seconds, "s of processor")
    yield at_most(
        "loading the code location", "1 source beside import dagster", told["1 source"] / floor, wanted=1.5
    )
    if not quick:
        yield at_most("loading the code location", "100 sources in all", told["100 sources"], wanted=10, unit="s")


def _rows(*, quick: bool) -> Iterator[Figure]:
    told = rows.measure(10_000 if quick else 100_000)
    name = f"rows of {told['leads']:,.0f} leads with 8 custom fields"
    yield at_least(name, "leads a second of one core, to Arrow", told["leads/s to Arrow"], wanted=40_000)
    yield at_least(name, "leads a second of one core, to Parquet", told["leads/s to Parquet"], wanted=40_000)
    yield Figure(name, "peak memory", told["peak MB"], "MB")


BENCHMARKS = {
    "loading": _loading,
    "rows": _rows,
    "whole_way": whole_way.measure_figures,
    "reading": reading.measure_figures,
    "limits": limits.measure_figures,
}


def _write(figures: list[Figure], *, quick: bool) -> None:
    FILE.parent.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    told = {"quick": quick, "machine": machine, "figures": [asdict(figure) for figure in figures]}
    FILE.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")


def _table(figures: list[Figure]) -> Table:
    table = Table("benchmark", "figure", "value", "unit", "wanted", "", title="Benchmarks")
    for figure in figures:
        mark = {True: "[green]reached", False: "[red]missed", None: ""}[figure.reached]
        value = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
        table.add_row(figure.benchmark, figure.what, value, figure.unit, figure.wanted, mark)
    return table


if __name__ == "__main__":
    main()
