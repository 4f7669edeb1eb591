"""Disks that are soon full, read only, or without locks, for the tests of everything that writes."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SMALL_DISK_BYTES = 1024 * 1024


@contextmanager
def small_disk(parent: Path) -> Iterator[Path]:
    """A disk of one megabyte, mounted below `parent`; a skip where nobody may mount one."""
    place = parent / "disk"
    place.mkdir()
    done = _run("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(place))
    if done.returncode:
        pytest.skip(f"a small disk needs the right to mount one (root): {done.stderr.strip()}")
    try:
        yield place
    finally:
        assert _run("umount", str(place)).returncode == 0


def make_read_only(disk: Path) -> None:
    """Let nobody write to a disk any more."""
    assert _run("mount", "-o", "remount,ro", str(disk)).returncode == 0


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which(program) or program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file system refuse locks, as some network file systems do."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
