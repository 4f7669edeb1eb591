"""Runs all benchmarks, or the named ones; prints a table and writes the figures to build/bench.json.

`make bench`, or `python -m benchmarks [--quick] [NAME]…`.
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

from benchmarks import (
    all_entities,
    extremes,
    frames,
    latest_table,
    limits,
    loading,
    reading,
    rows,
    stages,
    whole_way,
)
from benchmarks.measuring import Figure, at_least, at_most
from benchmarks.plain_dagster import COMPARED_WITH_PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[1] / "build" / "bench.json"


def main() -> None:
    """Measure, print and store. The exit status does not depend on the figures: a busy machine is no defect."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all of them by default")
    parser.add_argument("--quick", action="store_true", help="small accounts and few cases; a few minutes")
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
    measured = loading.measure((1,), of_everything=0) if quick else loading.measure()
    wanted = {"--help": 0.3, "1 source": 0.3, "200 sources": 5.0, "100 sources of everything": 8.0}
    for what, seconds in measured.items():
        beyond = "" if what in ("--help", "import dagster") else ", in addition to import dagster"
        name, unit = f"{what}{beyond}", "s of CPU time"
        if what in wanted:
            yield at_most("starting", name, seconds, wanted=wanted[what], unit=unit)
        else:
            yield Figure("starting", name, seconds, unit)
        if beyond:
            # Seconds depend on the machine and its load, this ratio hardly does.
            times = seconds / measured["import dagster"]
            yield Figure("starting", name, times, "times the CPU time of import dagster")
        if what + loading.PLAIN in measured:
            ratio = seconds / measured[what + loading.PLAIN]
            yield at_most("starting", f"{what}{COMPARED_WITH_PLAIN}", ratio, wanted=1.25, unit="×")


def _rows(*, quick: bool) -> Iterator[Figure]:
    measured = rows.measure(10_000 if quick else 100_000)
    name = f"rows of {measured['leads']:,.0f} leads with 8 custom fields"
    for what in ("leads/s to Arrow", "leads/s to Parquet", "leads/s of the minimal implementation"):
        yield Figure(name, f"{what}, one core", measured[what])
    ratio = measured["times the minimal implementation"]
    yield at_most(name, "CPU time compared with the minimal implementation", ratio, wanted=1.2, unit="×")
    yield Figure(name, "peak memory", measured["peak MB"], "MB")
    leads, days = (5_000, 4) if quick else (30_000, 20)
    measured = rows.measure_side_by_side(leads, days)
    name = f"rows of {days} days of {leads:,} leads"
    yield Figure(name, "one core", measured["one core"], "s")
    yield Figure(name, "two cores", measured["two cores"], "s")
    yield at_least(name, "two cores, speed compared with one", measured["times one core"], wanted=1.7, unit="×")


BENCHMARKS = {
    "loading": _loading,
    "rows": _rows,
    "frames": frames.measure_figures,
    "latest_table": latest_table.measure_figures,
    "stages": stages.measure_figures,
    "day": whole_way.measure_day,
    "busy_day": whole_way.measure_busy_day,
    "year": whole_way.measure_year,
    "all_day": all_entities.measure_day,
    "all_year": all_entities.measure_year,
    "growing": whole_way.measure_growing,
    "reading": reading.measure_figures,
    "limits": limits.measure_figures,
    "extremes": extremes.measure_figures,
}


def _write(figures: list[Figure], *, quick: bool) -> None:
    FILE.parent.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    measured = {"quick": quick, "machine": machine, "figures": [asdict(figure) for figure in figures]}
    FILE.write_text(json.dumps(measured, indent=1, ensure_ascii=False), encoding="utf-8")


def _table(figures: list[Figure]) -> Table:
    table = Table("benchmark", "figure", "value", "unit", "wanted", "", title="Benchmarks")
    for figure in figures:
        mark = {True: "[green]reached", False: "[red]missed", None: ""}[figure.reached]
        value = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
        table.add_row(figure.benchmark, figure.what, value, figure.unit, figure.wanted, mark)
    return table


if __name__ == "__main__":
    main()
