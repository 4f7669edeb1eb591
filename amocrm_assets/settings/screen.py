"""Whether a browser can be shown on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def has_screen(environment: Mapping[str, str] = os.environ, *, platform: str = sys.platform) -> bool:
    """Whether there is a desktop. On Linux a variable shows it, which is not set in a container or over SSH."""
    if platform in {"win32", "darwin"}:
        return True
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
