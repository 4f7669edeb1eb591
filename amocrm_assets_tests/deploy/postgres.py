"""A PostgreSQL server of the tests' own, from Debian's binaries: a new cluster in a folder that goes with it.

It listens on loopback alone. Whoever uses it asks for a database and gets the variables of `deploy/dagster.yaml`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "dagster", "sandbox-password"
DEBIAN = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root.
FALLBACK_USER = "nobody"


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    binaries: Path
    port: int

    def new_database(self) -> dict[str, str]:
        """Make a database; returns the variables by which Dagster finds it."""
        name = f"dagster_{uuid4().hex}"
        self.ask("postgres", f'CREATE DATABASE "{name}"')
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DB": name,
            "DAGSTER_POSTGRES_USER": USER,
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
        }

    def ask(self, database: str, statement: str) -> str:
        """The answer to a statement, as `psql` prints it without headings."""
        command = [
            str(self.binaries / "psql"),
            "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1",
            "--host=127.0.0.1", f"--port={self.port}", f"--username={USER}", f"--dbname={database}",
            f"--command={statement}",
        ]  # fmt: skip
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        response = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert response.returncode == 0, response.stderr
        return response.stdout.strip()


def find_binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, of the newest version; None where PostgreSQL is not installed."""
    found = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return max(found, key=lambda folder: folder.as_posix(), default=None)


@contextmanager
def running_postgres(binaries: Path) -> Iterator[Postgres]:
    """A server with an empty cluster, stopped and removed in the end."""
    # Not pytest's folder: another user has to reach it.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        home = Path(folder)
        data = home / "data"
        password = home / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        user = _user()
        if user:
            for path in (home, password):
                shutil.chown(path, user)
        port = free_port()
        _run(
            binaries / "initdb", f"--pgdata={data}", f"--username={USER}", "--auth=scram-sha-256",
            f"--pwfile={password}", "--encoding=UTF8", "--no-sync", user=user,
        )  # fmt: skip
        # Nothing here has to survive a power cut, so nothing waits for the disk.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        control = (binaries / "pg_ctl", f"--pgdata={data}", "--wait")
        _run(*control, f"--log={home}/log", f"--options={options}", "start", user=user)
        try:
            yield Postgres(binaries, port)
        finally:
            _run(*control, "--mode=immediate", "stop", user=user)


def _run(command: Path, *arguments: str, user: str | None) -> None:
    # Not piped: the server inherits the output and would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        ended = subprocess.run(
            [str(command), *arguments],
            cwd="/",
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
        )
        output.seek(0)
        assert ended.returncode == 0, output.read().decode()


def _user() -> str | None:
    return FALLBACK_USER if os.geteuid() == 0 else None
