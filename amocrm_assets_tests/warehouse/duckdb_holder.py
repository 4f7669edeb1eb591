"""Another process that has a DuckDB file open."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def holder(file: Path, *, seconds: float, read_only: bool = False) -> subprocess.Popen[str]:
    """A process that has the file open for a while, for writing unless it says otherwise."""
    program = f"""
        import duckdb, time
        with duckdb.connect({str(file)!r}, read_only={read_only}) as connection:
            print("held", flush=True)
            time.sleep({seconds})
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process
