"""How long the code location takes to load beyond `import dagster`: 1, 20 and 200 sources of leads, 100 of all.

The largest ones are compared with as many definitions of plain Dagster: see `plain_dagster`.

Each figure is the minimum of several fresh processes, which a busy machine affects least.
Run it: `python benchmarks/loading.py [--json]`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 3
MANY = 100
PLAIN = ", plain Dagster"
SOURCE = """\
type: amocrm_assets.AmoCrmSource
attributes:
  subdomain: shop-{number}
  access_token_env: SHOP_TOKEN
  timezone: Europe/Moscow
  start_date: 2025-01-01
  schedule: {{hour: 1, minute: {minute}}}
"""
LEADS = """\
  import_reference: false
  import_lead_details: false
"""
EVERYTHING = """\
  import_events: true
  import_contacts: true
  import_companies: true
  import_tasks: true
  import_calls: true
  latest_table: true
"""
IMPORT = "import dagster"
LOAD = "import sys; from benchmarks import code_location; code_location.load_all(sys.argv[1])"
LOAD_PLAIN = "import sys; from benchmarks import plain_dagster; plain_dagster.load_plain(sys.argv[1])"
LOAD_ONE_JOB = "import sys; from benchmarks import code_location; code_location.load_one_job(sys.argv[1])"
HELP = "from amocrm_assets.cli import main; main(['--help'])"


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print figures for a program")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps(figures, indent=2))  # noqa: T201 - this is its output
        return
    for what, seconds in figures.items():
        print(f"{what:<28} {seconds:6.2f} s")  # noqa: T201


def measure(counts: tuple[int, ...] = (1, 20, 200), *, of_everything: int = 100) -> dict[str, float]:
    """Seconds by what was loaded; those of sources are in addition to `import dagster`.

    `of_everything` is the number of sources with all entities; 0: not measured.
    """
    floor = cpu_seconds_of(IMPORT)
    figures = {"--help": cpu_seconds_of(HELP), "import dagster": floor}
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_sources(Path(folder), count)
            figures[f"{count} source{'s' if count > 1 else ''}"] = cpu_seconds_of(LOAD, folder) - floor
            figures[f"a run of one source of {count}"] = cpu_seconds_of(LOAD_ONE_JOB, folder) - floor
            if count >= MANY:
                figures[f"{count} sources{PLAIN}"] = cpu_seconds_of(LOAD_PLAIN, folder) - floor
    if of_everything:
        with tempfile.TemporaryDirectory() as folder:
            write_sources(Path(folder), of_everything, EVERYTHING)
            figures[f"{of_everything} sources of everything"] = cpu_seconds_of(LOAD, folder) - floor
            figures[f"{of_everything} sources of everything{PLAIN}"] = cpu_seconds_of(LOAD_PLAIN, folder) - floor
    return figures


def write_sources(folder: Path, count: int, imports: str = LEADS) -> None:
    """Write the files of this number of sources with these attributes."""
    for number in range(count):
        file = folder / f"shop_{number}" / "defs.yaml"
        file.parent.mkdir()
        file.write_text(SOURCE.format(number=number, minute=number % 60) + imports, encoding="utf-8")


def cpu_seconds_of(code: str, *arguments: str) -> float:
    """The minimum of the CPU seconds of several processes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return min(_once([sys.executable, "-c", code, *arguments], environment) for _ in range(ROUNDS))


def _once(command: list[str], environment: dict[str, str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own code
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


if __name__ == "__main__":
    main()
