"""Translates errors of a local disk.

All code that reads or writes local files (a folder storage, temporary files for a bucket) runs inside
`disk_errors`.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from amocrm_assets.errors import StorageRefused, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A folder does not know for which of the two it was opened.
SETTING = "AMOCRM_STORAGE (for OAuth tokens: AMOCRM_TOKENS)"
# The fix for an error number; other numbers are transient.
FIXES = {
    errno.ENOSPC: "Free some space there, then run again.",
    errno.EDQUOT: "Free some space within the quota, or have it raised, then run again.",
    errno.EFBIG: "Raise the limit on the size of files there, then run again.",
    errno.EROFS: f"Mount it writable, or point {SETTING} at another folder.",
    errno.EACCES: "Give the user that runs this permission to read and write there.",
    errno.EPERM: "Give the user that runs this permission to read, write and link files there.",
    errno.ENOTDIR: "There is a file where a folder should be: move it away.",
    errno.EEXIST: "There is a file where a folder should be: move it away.",
    errno.EISDIR: "There is a folder where a file should be: move it away.",
    errno.ENAMETOOLONG: f"Point {SETTING} at a folder with a shorter path.",
    errno.EOPNOTSUPP: f"Point {SETTING} at a folder on a file system with hard links and locks.",
    errno.ENOSYS: f"Point {SETTING} at a folder on a file system with hard links and locks.",
}


@contextmanager
def disk_errors(operation: str, path: Path) -> Iterator[None]:
    """Convert every `OSError` of the body into `StorageRefused` or `StorageUnavailable`.

    If a missing or an existing file is an expected result, catch that exception inside the body.
    """
    try:
        yield
    except OSError as error:
        cause = f"{error.strerror or error} ({path})."
        if error.errno in FIXES:
            raise StorageRefused(operation, cause=cause, fix=FIXES[error.errno], path=str(path)) from error
        fix = "Run again; if it still fails, check the disk."
        raise StorageUnavailable(operation, cause=cause, fix=fix, path=str(path)) from error
