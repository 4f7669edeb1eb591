"""What benchmarks start in processes of their own, which no type checker sees."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import loading

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("program", [loading.LOAD, loading.LOAD_ONE_JOB], ids=["all", "one job"])
@pytest.mark.parametrize("imports", [loading.LEADS, loading.EVERYTHING], ids=["leads", "everything"])
def test_what_is_measured_of_loading_loads(program: str, imports: str, tmp_path: Path) -> None:
    loading.write_sources(tmp_path, 1, imports)
    environment = {**os.environ, "PYTHONPATH": str(loading.ROOT)}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=environment)
