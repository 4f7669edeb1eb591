"""What tests of several parts share: a BigQuery of their own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from amocrm_assets_tests.emulator import PROJECT, Emulator, running_emulator


@pytest.fixture(scope="session")
def bigquery_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests of a process."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture
def bigquery_url(bigquery_emulator: Emulator) -> str:
    """An `AMOCRM_WAREHOUSE` with a dataset that does not exist yet."""
    return f"bigquery://{PROJECT}/crm_{uuid4().hex}?location=EU&endpoint={bigquery_emulator.url}"
