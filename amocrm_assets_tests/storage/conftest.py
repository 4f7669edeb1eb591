"""The storages under test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amocrm_assets.storage import Storage
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, running_gcs
from amocrm_assets_tests.storage.places import Place


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[FakeGcs]:
    """One Cloud Storage for all tests of a process."""
    with running_gcs() as running:
        yield running


@pytest.fixture
def gcs(gcs_server: FakeGcs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeGcs:
    """An empty bucket that Google's client finds by itself, and a folder for temporary files."""
    gcs_server.reset()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return gcs_server


@pytest.fixture(params=["folder", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a storage is, for this process and for others."""
    if request.param == "folder":
        return Place(str(tmp_path / "storage"))
    request.getfixturevalue("gcs")
    return Place(f"gs://{BUCKET}/some/prefix")


@pytest.fixture
def storage(place: Place) -> Storage:
    """A storage with nothing in it."""
    return place.opened()
