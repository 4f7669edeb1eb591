"""Whole runs in a process of their own, and all that they leave: files, databases, logs, what was printed."""

from __future__ import annotations

import gzip
import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from amocrm_assets_tests.guarantees.commands import processes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

VERBOSE = """\
python_logs: {managed_python_loggers: [root, urllib3, google], python_log_level: DEBUG}
telemetry: {enabled: false}
"""


@dataclass
class Deployed:
    """A folder with a source `acme`, and everything that runs of a day leave there."""

    folder: Path
    day: date
    secrets: Mapping[str, str]
    timeout_seconds: float = 240.0
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Variables of a deployment that keeps its data elsewhere than in the folder."""

    def __post_init__(self) -> None:
        (self.folder / "home").mkdir(exist_ok=True)
        (self.folder / "home" / "dagster.yaml").write_text(VERBOSE, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the deployment."""
        return {
            **self.secrets,
            "AMOCRM_SOURCES": str(self.folder / "sources"),
            "AMOCRM_STORAGE": str(self.folder / "data"),
            "AMOCRM_TOKENS": str(self.folder / "tokens"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{self.folder}/warehouse.duckdb",
            "DAGSTER_HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            **self.elsewhere,
        }

    def run(self, *words: str) -> int | None:
        """`amocrm-assets run`, or another command, in a process of its own; its exit status."""
        command = list(words) or ["run", "acme", f"--from={self.day}", f"--to={self.day}"]
        process = processes().Process(target=_run, args=(self.folder, self.environment, command))
        process.start()
        process.join(self.timeout_seconds)
        return process.exitcode

    def left(self) -> dict[str, bytes]:
        """What is in every file, unpacked."""
        found: dict[str, bytes] = {}
        for path in self.folder.rglob("*"):
            if path.is_file():
                found[str(path.relative_to(self.folder))] = content_of(path)
        return found


def content_of(path: Path) -> bytes:
    """What is in a file, unpacked."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        return repr(pq.read_table(path).to_pylist()).encode() + repr(pq.read_schema(path).metadata).encode()
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            return repr([connection.table(f'"{name}"').fetchall() for name in names]).encode()
    return path.read_bytes()


def _run(folder: Path, environment: dict[str, str], command: list[str]) -> None:
    os.environ.update(environment)
    (folder / "tmp").mkdir(exist_ok=True)
    log = os.open(folder / "console", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    logging.basicConfig(level=logging.DEBUG)
    from amocrm_assets.cli import main

    main(command)
