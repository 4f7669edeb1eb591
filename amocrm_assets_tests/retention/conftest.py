"""A source of leads whose captures grow old."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets_tests.retention.days import Kept

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A source of leads in a folder."""
    return Kept(open_storage(str(tmp_path / "data")))
