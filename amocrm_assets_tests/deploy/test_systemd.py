"""The units of `deploy/systemd`: they agree with `docs/deploying.md`, and what they start comes up."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from configparser import ConfigParser
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from amocrm_assets_tests.deploy.files import DEPLOY, ROOT
from amocrm_assets_tests.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACE = "/opt/amocrm-assets"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCUMENT = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")


def service(name: str) -> dict[str, str]:
    """What a unit says of its service."""
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names as they are written
    unit.read(DEPLOY / "systemd" / f"amocrm-assets-{name}.service")
    return dict(unit["Service"])


def test_the_document_starts_the_units_that_there_are() -> None:
    assert [unit.stem for unit in UNITS] == ["amocrm-assets-daemon", "amocrm-assets-webserver"]
    assert f"systemctl enable --now {' '.join(unit.stem for unit in UNITS)}" in DOCUMENT
    for unit in UNITS:
        said = service(unit.stem.removeprefix("amocrm-assets-"))
        assert said["WorkingDirectory"] == PLACE
        assert said["EnvironmentFile"] in DOCUMENT
        assert f"--uid={said['User']} " in DOCUMENT


def command(name: str, what: str, home: Path, port: int) -> list[str]:
    """What the service executes, with this folder, home and port."""
    said = service(name)[what].replace("3000", str(port))
    words = [word.replace(f"{PLACE}/dagster_home", str(home)) for word in shlex.split(said)]
    return [word.replace(PLACE, str(ROOT)) for word in words]


@contextmanager
def running(arguments: list[str], log: Path, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command as systemd starts it: in the service's folder, and with hardly any environment."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "DAGSTER_HOME": str(home)}
    with (
        log.open("wb") as file,
        subprocess.Popen(
            arguments, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def started(home: Path, port: int) -> Iterator[None]:
    """Both services, which systemd starts at the same moment: what comes before each, and then each."""
    names = ("daemon", "webserver")
    with ExitStack() as stack:
        before = [
            stack.enter_context(
                running(command(each, "ExecStartPre", home, port), home / f"{each}.before.log", home)
            )
            for each in names
        ]
        assert [process.wait(240) for process in before] == [0, 0]
        for each in names:
            assert service(each)["Environment"] == f"DAGSTER_HOME={PLACE}/dagster_home"
            stack.enter_context(running(command(each, "ExecStart", home, port), home / f"{each}.log", home))
        yield


def test_the_checkout_is_upgraded_by_the_user_who_owns_it(tmp_path: Path) -> None:
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (typed,) = [line.strip() for line in operations.splitlines() if line.startswith("    runuser ")]
    user, _, upgrade = typed.removeprefix("runuser -u ").partition(" -- ")
    assert {service("daemon")["User"], service("webserver")["User"]} == {user}
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    upstream, checkout = tmp_path / "upstream", tmp_path / "checkout"
    _git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(upstream))
    _git(tmp_path, "clone", "--quiet", str(upstream), str(checkout))
    _git(upstream, *identity, "commit", "--quiet", "--allow-empty", "-m", "newer")
    # The environment that `make setup` made before.
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".ready").touch()
    subprocess.run(upgrade.replace(PLACE, str(checkout)), shell=True, check=True, capture_output=True)  # noqa: S602
    assert _git(checkout, "rev-parse", "HEAD") == _git(upstream, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout  # noqa: S607


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_services_come_up_by_their_own_commands(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", tmp_path)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with started(tmp_path, port):
        _wait(lambda: _loaded(address) == ["amocrm_assets"])
        _wait(lambda: _is_alive(tmp_path))
    assert not [
        log.name for log in tmp_path.glob("*.log") if "alembic" in log.read_text() and "Error" in log.read_text()
    ]


def _loaded(address: str) -> list[str]:
    """The code locations that the UI has loaded without an error."""
    query = (
        "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    )
    try:
        response = requests.post(f"{address}/graphql", json={"query": query}, timeout=30).json()
    except requests.ConnectionError:
        return []
    entries = response["data"]["workspaceOrError"]["locationEntries"]
    return [
        each["name"]
        for each in entries
        if (each["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation"
    ]


def _is_alive(home: Path) -> bool:
    command = [str(ROOT / ".venv" / "bin" / "dagster-daemon"), "liveness-check"]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60).returncode == 0


def _wait(is_up: object) -> None:
    assert callable(is_up)
    deadline = time.monotonic() + 240
    while not is_up():
        assert time.monotonic() < deadline
        time.sleep(0.5)
