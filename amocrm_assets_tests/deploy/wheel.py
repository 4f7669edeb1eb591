"""The package as its users install it: a wheel, built offline by the locked tools, in an empty environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from amocrm_assets_tests.deploy.files import ROOT
from amocrm_assets_tests.orchestration.sources import write_source

UV = Path(sys.executable).with_name("uv")
TREE = ("amocrm_assets", "pyproject.toml", "setup.cfg", "README.md", "LICENSE", "docs")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this tree, in a copy whose user has a source of their own."""
    copy = folder / "tree"
    copy.mkdir()
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    own = {"subdomain": "own", "start_date": "2026-01-01", "access_token_env": "OWN_TOKEN"}
    write_source(copy / "amocrm_assets" / "defs", "own", own)
    _run(
        UV,
        "build",
        "--wheel",
        "--offline",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        folder,
        cwd=copy,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """An empty environment with the wheel and `dg`, at the locked versions; the folder of its commands."""
    _run(UV, "venv", "--quiet", "--python", sys.executable, environment, cwd=environment.parent)
    python = environment / "bin" / "python"
    lock = ROOT / "requirements" / "project.lock"
    packages: list[str | Path] = [wheel, "dagster-dg-cli"]
    _run(
        UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--constraint",
        lock,
        *packages,
        cwd=environment.parent,
    )
    return environment / "bin"


def _run(*command: str | Path, cwd: Path) -> None:
    ran = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
