"""`amocrm-assets` in processes that can be killed: forked from one that has loaded everything already."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.guarantees.whole_way import WholeWay
from amocrm_assets_tests.orchestration.sources import write_source

if TYPE_CHECKING:
    from datetime import date
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    from amocrm_assets.settings import SourceSettings

TOKEN_VARIABLE = "AMOCRM_PROOF_TOKEN"
LOADED_ONCE = (
    "amocrm_assets.cli.run", "amocrm_assets.orchestration.running", "amocrm_assets.rows.merge",
    "alembic.command", "duckdb", "pandas", "pyarrow.parquet", "rich.progress", "upath",
)  # fmt: skip


def processes() -> ForkServerContext:
    """Starts processes in a few milliseconds: the server they are forked from has loaded Dagster once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *LOADED_ONCE])
    return context


@dataclass(frozen=True)
class Place:
    """A folder with a source, and a deployment that keeps everything in it."""

    folder: Path
    source: SourceSettings
    token: str

    def __post_init__(self) -> None:
        attributes = self.source.model_dump(mode="json", exclude_defaults=True)
        write_source(self.folder / "sources", self.source.subdomain, attributes)
        (self.folder / "kept").mkdir(exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the deployment."""
        return {
            TOKEN_VARIABLE: self.token,
            "AMOCRM_STORAGE": str(self.folder / "kept" / "data"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{self.folder}/kept/warehouse.duckdb",
        }

    @property
    def way(self) -> WholeWay:
        """What the deployment keeps."""
        kept = self.folder / "kept"
        return WholeWay(kept, open_storage(str(kept / "data")), self.source)

    @property
    def output(self) -> str:
        """What commands printed so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def start(self, first: date, last: date, *more: str) -> ForkServerProcess:
        """`amocrm-assets run` for a range of days."""
        arguments = ["run", self.source.subdomain, f"--from={first}", f"--to={last}", *more]
        process = processes().Process(target=_run, args=(self.folder, self.environment, arguments))
        process.start()
        return process

    def run(self, first: date, last: date) -> None:
        """The same, to its good end."""
        process = self.start(first, last)
        process.join(120)
        assert process.exitcode == 0, self.output


def _run(folder: Path, environment: dict[str, str], arguments: list[str]) -> None:
    (folder / "tmp").mkdir(exist_ok=True)
    os.environ.update({**environment, "TMPDIR": str(folder / "tmp")})
    os.environ.pop("DAGSTER_HOME", None)
    log = os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    from amocrm_assets.cli import main

    os.environ["AMOCRM_SOURCES"] = str(folder / "sources")
    main(arguments)


def served(options: dict[str, Any], *, port: int) -> tuple[ForkServerProcess, str, str]:
    """A sandbox in a process of its own, its address and its token."""
    context = processes()
    here, there = context.Pipe()
    process = context.Process(target=_serve_sandbox, args=(options, port, there))
    process.start()
    with here, there:
        url, token = here.recv()
    return process, url, token


def _serve_sandbox(options: dict[str, Any], port: int, pipe: Connection) -> None:
    """A sandbox that tells its address and token, and serves until it is killed."""
    with running_sandbox(SandboxOptions(**options), port=port) as sandbox:
        pipe.send((sandbox.url, sandbox.token))
        threading.Event().wait()
