"""A source of leads whose captures grow old."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets_tests.retention.days import StoredEntity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kept(tmp_path: Path) -> StoredEntity:
    """A source of leads in a folder."""
    return StoredEntity(open_storage(str(tmp_path / "data")))
