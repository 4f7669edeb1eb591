"""When a deployment may send its next request: one schedule in a file for all accounts and processes of a machine.

Kommo counts requests per IP address, so sources of one deployment may share a limit though each has its account.
A process reserves the next free time slot under a file lock, and waits for it without the lock.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

from filelock import FileLock

from amocrm_assets.crm.http.rate_limiter import SPACING
from amocrm_assets.storage.disk import disk_errors
from amocrm_assets.storage.modes import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.settings.egress import EgressSettings

# How far ahead the schedule may reach: one slot for each waiting process. A later time was written with a wrong
# clock.
MAX_AHEAD_SECONDS = 60.0
_LOCK_POLL_SECONDS = 0.002
_INSTANT = struct.Struct("<d")


class EgressLimit:
    """The schedule. Safe for concurrent threads and processes; `clock` is the machine's, Unix seconds."""

    def __init__(self, settings: EgressSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._file, self._mode = settings.file, settings.file_mode
        self._spacing = SPACING / settings.requests_per_second
        self._clock = clock
        with disk_errors("Preparing to count the deployment's requests", self._file.parent):
            make_folder(self._file.parent, self._mode)
        lock = self._file.with_name(f"{self._file.name}.lock")
        self._lock = FileLock(lock, mode=self._mode, poll_interval=_LOCK_POLL_SECONDS, fallback_to_soft=False)

    def reserve(self) -> float:
        """Reserve the next time at which a request may be sent; returns the seconds until then.

        Raises `StorageUnavailable` or `StorageRefused` if the file cannot be written.
        """
        with disk_errors("Counting the deployment's requests", self._file), self._lock:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, self._mode)
            try:
                now, free_at = self._clock(), _read(descriptor)
                at = free_at if now < free_at <= now + MAX_AHEAD_SECONDS else now
                os.pwrite(descriptor, _INSTANT.pack(at + self._spacing), 0)
            finally:
                os.close(descriptor)
        return at - now


def _read(descriptor: int) -> float:
    """The first free time; 0 in a new file, or one that a killed process left truncated."""
    written = os.pread(descriptor, _INSTANT.size, 0)
    return float(_INSTANT.unpack(written)[0]) if len(written) == _INSTANT.size else 0.0
