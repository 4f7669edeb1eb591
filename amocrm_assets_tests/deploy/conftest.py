"""PostgreSQL for the tests that need it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.deploy.postgres import Postgres, find_binaries, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for all tests of a process."""
    binaries = find_binaries()
    if binaries is None:
        missing = "PostgreSQL is not installed; `apt-get install postgresql` brings it"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with running_postgres(binaries) as server:
        yield server
