"""A storage in a folder, for the days and the table of the tests of stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.storage import open_storage

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "storage"))
