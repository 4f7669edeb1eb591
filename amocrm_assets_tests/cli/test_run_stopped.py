"""Commands that a signal ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind

from amocrm_assets_tests.cli.own_runs import YESTERDAY, dagster_home, deployment, run, sandbox

__all__ = ["dagster_home", "deployment", "sandbox"]
pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("dagster_home")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["503", "hang", "429-html"])
def test_a_signal_ends_a_run_in_words_and_leaves_none_that_seems_to_go_on(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], kind: FaultKind, signum: signal.Signals
) -> None:
    sandbox.configure(faults=(Fault(kind, seconds=300, retry_after=300 if kind == "429-html" else None),))
    with signalled_when(lambda: len(sandbox.requests) >= 1, signum) as sent_at:
        assert run("run", "acme") == 130

    assert time.monotonic() - sent_at[0] < 5
    output = capsys.readouterr().err
    assert "interrupted. Days that were finished stay." in output
    assert f"amocrm-assets run acme --from {YESTERDAY} --to {YESTERDAY} --missing" in output
    assert "Traceback" not in output
    assert run_states() == [dg.DagsterRunStatus.CANCELED]


@pytest.mark.parametrize("command", ["check", "probe", "fields"])
def test_sigterm_ends_any_command_in_words(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    sandbox.configure(faults=(Fault("hang", seconds=300),))
    with signalled_when(lambda: len(sandbox.requests) >= 1, signal.SIGTERM) as sent_at:
        assert run(command, "acme") == 130

    assert time.monotonic() - sent_at[0] < 5
    assert "Interrupted." in capsys.readouterr().err


@pytest.mark.usefixtures("dagster_home")
def test_a_signal_ends_a_run_that_waits_for_its_next_try(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 1)
    monkeypatch.setattr("amocrm_assets.orchestration.source.Retries", lambda: Retries(3, 300.0))
    sandbox.configure(faults=(Fault("503"),))
    with signalled_when(lambda: len(sandbox.requests) >= 3, signal.SIGINT, after_seconds=3) as sent_at:
        assert run("run", "acme") == 130

    assert time.monotonic() - sent_at[0] < 5
    assert run_states() == [dg.DagsterRunStatus.CANCELED]


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_signal_before_dagster_begins_leaves_no_run_that_never_started(monkeypatch: pytest.MonkeyPatch) -> None:
    created = dg.DagsterInstance.create_run_for_job

    def create_and_interrupt(*arguments: object, **named: object) -> object:
        created(*arguments, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    # The moment between the run's creation and its start is too short to be hit by a signal.
    monkeypatch.setattr(dg.DagsterInstance, "create_run_for_job", create_and_interrupt)

    assert run("run", "acme") == 130
    assert run_states() == [dg.DagsterRunStatus.CANCELED]


def run_states() -> list[dg.DagsterRunStatus]:
    with dg.DagsterInstance.get() as instance:
        return [each.status for each in instance.get_runs()]


@contextmanager
def signalled_when(
    reached: Callable[[], bool], signum: signal.Signals, *, after_seconds: float = 1.0
) -> Iterator[list[float]]:
    """This process gets a signal some time after the condition holds; yields when it was sent."""
    sent_at: list[float] = []

    def send() -> None:
        deadline = time.monotonic() + 60
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(after_seconds)
        sent_at.append(time.monotonic())
        os.kill(os.getpid(), signum)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield sent_at
    thread.join()
