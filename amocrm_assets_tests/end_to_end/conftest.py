"""The deployment that all tests of this folder look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.end_to_end.deployment import Deployment, running_deployment
from amocrm_assets_tests.end_to_end.launching import Launched, launch

if TYPE_CHECKING:
    from collections.abc import Iterator


# Dagster is stopped as soon as this folder is done, and does not slow the tests that follow.
@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A running deployment."""
    with running_deployment(tmp_path_factory.mktemp("deployment")) as deployment:
        yield deployment


@pytest.fixture(scope="package")
def launched(deployment: Deployment) -> Launched:
    """What was launched in it."""
    return launch(deployment)
