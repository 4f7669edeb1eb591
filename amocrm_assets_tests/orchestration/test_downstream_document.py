"""The files of `docs/downstream.md`, loaded by Dagster as its readers load them.

What the assets in them return is tested in `test_io_manager`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import amocrm_assets
from amocrm_assets_tests.orchestration.sources import ASSETS

pytestmark = pytest.mark.slow

ROOT = Path(amocrm_assets.__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "downstream.md").read_text(encoding="utf-8")
OURS = {f"sandbox/{name}" for name in ASSETS}
THEIRS = {"leads_by_pipeline", "leads_by_city"}


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A folder with the files that the document shows, under the names that it gives them."""
    for code in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", code)
        assert name
        (tmp_path / name[1]).write_text(code, encoding="utf-8")
    (tmp_path / "home").mkdir()
    return tmp_path


def dagster(*arguments: str, folder: Path) -> str:
    """What a command of Dagster prints in a folder; it has to succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AMOCRM_")}
    ran = subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        cwd=folder,
        env={**environment, "DAGSTER_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_dagster_finds_the_documented_file_right(reader: Path) -> None:
    output = dagster("definitions", "validate", "-f", "definitions.py", folder=reader)
    assert "Validation successful for code location definitions.py" in output


def test_the_documented_file_shows_the_readers_assets_beside_ours(reader: Path) -> None:
    output = dagster("asset", "list", "-f", "definitions.py", folder=reader)
    assert {line for line in output.splitlines() if re.fullmatch(r"[\w/]+", line)} == OURS | THEIRS
