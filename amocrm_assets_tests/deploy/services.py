"""The services of `deploy/docker-compose.yaml` as processes on loopback, by their own commands.

Each has a DAGSTER_HOME of its own, as each container has; what they share is in PostgreSQL. As in the compose
file, secrets and data are known to the code location alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from amocrm_assets_tests.deploy.files import DEPLOY, default_command, health_check, read_yaml, services
from amocrm_assets_tests.orchestration.dagster_process import LOCATION, Dagster
from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

START_SECONDS, STOP_SECONDS = 90.0, 30.0


class Services:
    """Where the services run, and how each is started."""

    def __init__(self, home: Path, *, shared: Mapping[str, str], secret: Mapping[str, str]) -> None:
        self._home = home
        self._shared = shared
        self._secret = secret
        self._ports = {"4000": str(free_port()), "3000": str(free_port())}
        (home / "location.py").write_text(LOCATION, encoding="utf-8")
        workspace = read_yaml("workspace.yaml")
        workspace["load_from"][0]["grpc_server"].update(host="127.0.0.1", port=int(self._ports["4000"]))
        (home / "workspace.yaml").write_text(yaml.safe_dump(workspace), encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[Dagster]:
        """All three, started in the order of the compose file."""
        with ExitStack() as stack:
            stack.enter_context(self._service("code", default_command()))
            self._wait("code", lambda: self.is_healthy("code"))
            for name in ("daemon", "webserver"):
                stack.enter_context(self._service(name, services()[name]["command"]))
            dagster = Dagster(f"http://127.0.0.1:{self._ports['3000']}", self._log("webserver"))
            self._wait("webserver", dagster.is_up)
            assert dagster.load_errors() == []
            yield dagster

    def is_healthy(self, name: str) -> bool:
        """Whether the service's health check says so."""
        command = self._command(health_check(name))
        checked = subprocess.run(
            command, env=self._environment(name), capture_output=True, check=False, timeout=60
        )
        return checked.returncode == 0

    def home_of(self, name: str) -> Path:
        """The DAGSTER_HOME of a service."""
        return self._home / f"{name}-home"

    @contextmanager
    def _service(self, name: str, command: list[str]) -> Iterator[None]:
        self.home_of(name).mkdir()
        shutil.copy(DEPLOY / "dagster.yaml", self.home_of(name))
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                self._command(command),
                cwd=self._home,
                env=self._environment(name),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)

    def _environment(self, name: str) -> dict[str, str]:
        known = {**self._shared, **(self._secret if name == "code" else {})}
        return {**os.environ, **known, "DAGSTER_HOME": str(self.home_of(name))}

    def _command(self, shipped: list[str]) -> list[str]:
        """A command of the image, with the addresses, files and programs of this machine."""
        here = {
            **self._ports,
            "0.0.0.0": "127.0.0.1",  # noqa: S104  # replaced, since no other container has to reach it
            "/dagster/workspace.yaml": str(self._home / "workspace.yaml"),
            "-m": "-f",
            "amocrm_assets.definitions": str(self._home / "location.py"),
        }
        program, *arguments = [
            here.get(word, word).replace(":3000/", f":{self._ports['3000']}/") for word in shipped
        ]
        return [str(Path(sys.executable).with_name(program)), *arguments]

    def _log(self, name: str) -> Path:
        return self._home / f"{name}.log"

    def _wait(self, name: str, is_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_up():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{name} did not start:\n{self._log(name).read_text(encoding='utf-8')[-4000:]}"
                )
            time.sleep(0.2)
