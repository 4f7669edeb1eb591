"""What tests of several parts share: how properties are tested, an amoCRM, a BigQuery, and no collector."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from hypothesis import HealthCheck, settings

from amocrm_assets.sandbox import Sandbox, SandboxOptions, running_sandbox
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets_tests.emulator import PROJECT, Emulator, running_emulator

# A shell that starts the tests in the background has SIGINT ignored, by their processes and those that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no reason to fail.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def every_instance_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dagster's instances that a test enters are left in it, too.

    Leaving one sets back the definitions' state storage that was current when it was entered. An instance that the
    garbage collector leaves does so in some later test, with the storage of an instance that is gone:
    "Attempted to resolve undefined DagsterInstance weakref".
    """
    entered: list[dg.DagsterInstance] = []
    enter, leave = dg.DagsterInstance.__enter__, dg.DagsterInstance.__exit__

    def entering(instance: dg.DagsterInstance) -> dg.DagsterInstance:
        entered.append(instance)
        return enter(instance)

    def leaving(instance: dg.DagsterInstance, *raised: Any) -> None:
        if instance in entered:
            entered.remove(instance)
        leave(instance, *raised)

    monkeypatch.setattr(dg.DagsterInstance, "__enter__", entering)
    monkeypatch.setattr(dg.DagsterInstance, "__exit__", leaving)
    yield
    assert not entered


@pytest.fixture
def without_collector() -> Iterator[None]:
    """What is open at the end of the test was not closed, neither hidden nor closed by a garbage collection."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A storage in a folder, for the tests that ask for no other."""
    return open_storage(str(tmp_path / "data"))


@pytest.fixture(scope="session")
def served() -> Iterator[Sandbox]:
    """One sandbox for all tests of a process; each resets it to its own options."""
    with running_sandbox(SandboxOptions(populations=())) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def bigquery_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests of a process."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture
def bigquery_url(bigquery_emulator: Emulator) -> str:
    """An `AMOCRM_WAREHOUSE` with a dataset that does not exist yet."""
    return f"bigquery://{PROJECT}/crm_{uuid4().hex}?location=EU&endpoint={bigquery_emulator.url}"
