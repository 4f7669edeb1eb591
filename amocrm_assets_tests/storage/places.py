"""Places of storages, opened here or in a process that can be killed in the middle of something."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.gcs import GcsStorage

# Short, so that tests of killed holders need not wait long.
LEASE_SECONDS = 1.5

_PROGRAM = """
import sys
from amocrm_assets_tests.storage.places import Place
with Place(sys.argv[1], float(sys.argv[2])).opened().{doing} as it:
    {then}
    print("ready", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Place:
    """Where a storage is."""

    url: str
    lease_seconds: float = LEASE_SECONDS

    def opened(self) -> Storage:
        """The storage, opened anew."""
        if self.url.startswith("gs://"):
            return GcsStorage(self.url, lease_seconds=self.lease_seconds, give_up_seconds=2)
        return open_storage(self.url)

    @contextmanager
    def process(self, doing: str, *, then: str = "pass") -> Iterator[subprocess.Popen[str]]:
        """A process inside `with storage.<doing> as it`, until it is killed."""
        command = [
            sys.executable,
            "-c",
            _PROGRAM.format(doing=doing, then=then),
            self.url,
            str(self.lease_seconds),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
            process.kill()
