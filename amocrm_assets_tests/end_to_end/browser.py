"""A headless Chromium for the tests, the system's own: only its driver comes with the tests.

Debian's package is `chromium`. Where it is missing, tests that need it are skipped and say so; where CI is set,
they fail: there nothing may be skipped.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

MISSING = "There is no Chromium here. On Debian: `apt-get install chromium`."
# No sandbox of its own, since containers run as root; and nothing that calls its maker's hosts.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A machine that runs other tests beside this may need long to draw a page.
RETRY_TIMEOUT_SECONDS = 60


@contextmanager
def open_browser(profile: Path, *, width: int = 1400, height: int = 900) -> Iterator[Page]:
    """A page in a new window, in a new profile that is in the folder `profile`."""
    chromium = shutil.which("chromium")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            headless=True,
            args=FLAGS,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
        )
        context.set_default_timeout(RETRY_TIMEOUT_SECONDS * 1000)
        try:
            yield context.new_page()
        finally:
            context.close()
