"""The storages under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from amocrm_assets.storage import Storage, open_storage


@pytest.fixture(params=["folder"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the storage under test lies, for `open_storage` in this process and in others."""
    return str(tmp_path / "storage")


@pytest.fixture
def storage(storage_url: str) -> Storage:
    """A storage with nothing in it."""
    return open_storage(storage_url)
