"""A sandbox that knows the integration of `sources`, and the variables that hold its id and secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.crm.authorisation.sources import ENVIRONMENT, OPTIONS, Rotation, source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.reset(OPTIONS)
    return served


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore.of(source(), Deployment(tokens=str(tmp_path)))


@pytest.fixture
def rotation() -> Rotation:
    return Rotation()
