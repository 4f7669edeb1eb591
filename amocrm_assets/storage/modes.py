"""Modes of files: only the owner may read them, or a group if the deployment says so. Never everybody.

Modes are set explicitly, so the umask of a process plays no part. Who asks for which mode: see `settings`.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600


def folder_mode(file_mode: int) -> int:
    """The mode of a folder: users who may read its files may also enter it."""
    return file_mode | (file_mode & 0o444) >> 2


def make_folder(folder: Path, file_mode: int) -> None:
    """Create a folder durably: each new name is synced in its parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent, file_mode)
    try:
        folder.mkdir(mode=folder_mode(file_mode))
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        _set_mode(folder, folder_mode(file_mode))
    sync(folder.parent)


def make_file(path: Path, file_mode: int) -> None:
    """Create an empty file. Raises `FileExistsError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file_mode)
    try:
        os.fchmod(descriptor, file_mode)
    finally:
        os.close(descriptor)


def tighten(path: Path, mode: int) -> None:
    """Remove access of others that an earlier version granted. Files of another user are not changed."""
    with suppress(FileNotFoundError):
        status = path.stat()
        if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o777 & ~mode:
            _set_mode(path, mode & stat.S_IMODE(status.st_mode))


def sync(path: Path) -> None:
    """Sync a file's content, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _set_mode(path: Path, mode: int) -> None:
    # A setgid folder stays one.
    path.chmod(mode | path.stat().st_mode & stat.S_ISGID)
