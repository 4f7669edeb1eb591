"""A process that does something in a storage and can be killed in the middle of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PROGRAM = """
import sys
from amocrm_assets.storage import open_storage
storage = open_storage(sys.argv[1])
with storage.{doing} as it:
    {then}
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def process_holding(storage_url: str, doing: str, *, then: str = "pass") -> Iterator[subprocess.Popen[str]]:
    """A process inside `with storage.<doing> as it`, until it is killed or its input ends."""
    program = _PROGRAM.format(doing=doing, then=then)
    command = [sys.executable, "-c", program, storage_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()
