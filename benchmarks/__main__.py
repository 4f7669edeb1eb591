"""All benchmarks, or those that are named: a table on the screen, and the figures in build/bench.json.

`make bench`, or `python -m benchmarks [--quick] [reading] [rows] [whole_way] [loading]`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from benchmarks.measuring import Figure

FILE = Path(__file__).parents[1] / "build" / "bench.json"
NAMES = ("loading", "rows", "whole_way", "reading")


def main() -> None:
    """Measure, print, write down. The exit status says nothing of the figures: a busy machine is no defect."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all of them if none is given")
    parser.add_argument("--quick", action="store_true", help="small accounts and few cases, a minute in all")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    console = Console(width=150)
    for name in arguments.names or NAMES:
        for figure in import_module(f"benchmarks.{name}").measure_figures(quick=arguments.quick):
            console.print(f"  {figure.benchmark} · {figure.what}: {figure.value:,.4g} {figure.unit}")
            figures.append(figure)
            _write(figures, quick=arguments.quick)
    console.print(_table(figures))
    console.print(f"The figures are in {FILE.relative_to(Path.cwd())}.")


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
