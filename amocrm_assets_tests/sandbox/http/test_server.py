"""Starting, stopping and steering a sandbox from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm_assets.sandbox import Fault, running_sandbox
from amocrm_assets_tests.sandbox.conftest import NOON, quiet

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.account.linked import LinkedRecords
    from amocrm_assets_tests.sandbox.conftest import Asking

PROGRAM = """
from amocrm_assets.sandbox import SandboxOptions, serve
serve(SandboxOptions(populations=()), 0, ready=lambda sandbox: print(sandbox.url, flush=True))
print("stopped")
"""


def test_a_sandbox_stops_with_its_context_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with running_sandbox(quiet()) as sandbox:
        assert requests.get(sandbox.url + "/api/v4/account", timeout=60).status_code == 401
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=1)


def test_a_sandbox_stops_at_once_though_an_answer_hangs() -> None:
    with (
        requests.Session() as session,
        running_sandbox(quiet(faults=(Fault("hang", seconds=3600),))) as sandbox,
        pytest.raises(requests.ReadTimeout),
    ):
        session.get(sandbox.url + "/api/v4/leads", timeout=0.1)


def test_small_answers_do_not_wait_for_an_acknowledgement(asking: Asking) -> None:
    """Nagle's delay would make each of them last 40 ms."""
    # One that lasted less is enough, however busy the machine is.
    assert any(asking.page(limit=1).elapsed.total_seconds() < 0.035 for _ in range(300))


def test_a_taken_port_is_an_error() -> None:
    with running_sandbox(quiet()) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), running_sandbox(quiet(), port=port):
            pytest.fail("two sandboxes on one port")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_serving_process_stops_cleanly_on_a_signal(signum: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        url = process.stdout.readline().decode().strip()
        assert requests.get(url + "/sandbox/control", timeout=60).status_code == 200
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"stopped\n", b"")


def test_options_change_while_it_runs(asking: Asking, sandbox: Sandbox) -> None:
    changes = {"filters_enabled": False, "faults": [{"kind": "503", "path": "/api/v4/leads", "times": 1}]}
    response = asking.post("/sandbox/control", changes)
    assert (response.status_code, response.json()["filters_enabled"]) == (200, False)
    assert [asking.page(updated_from=NOON).status_code for _ in range(2)] == [503, 200]
    assert sandbox.options.faults == (Fault("503", path="/api/v4/leads", times=1),)


@pytest.mark.parametrize(
    "wrong", [{"seed": 2}, {"nonsense": 1}, {"faults": [{"kind": "flood"}]}, {"faults": [{}]}, []]
)
def test_wrong_changes_are_refused_and_change_nothing(asking: Asking, sandbox: Sandbox, wrong: object) -> None:
    before = sandbox.options
    response = asking.post("/sandbox/control", wrong)
    assert response.status_code == 400
    assert response.json()["error"]
    assert sandbox.options == before


def test_leads_are_edited_from_another_process(asking: Asking, sandbox: Sandbox) -> None:
    one, other = list(sandbox.account.stamps())[:2]
    changes = {"advance_seconds": 10, "edit": [one], "delete": [other], "revoke": False}
    assert asking.post("/sandbox/do", changes).json() == {"now": NOON + 10}
    assert sandbox.account.stamps(NOON + 10) == {one: NOON + 10}
    assert sandbox.account.stamps(deleted=True) == {other: NOON + 10}
    assert asking.post("/sandbox/do", {"edit": [7]}).status_code == 400
    assert asking.post("/sandbox/do", {"dance": True}).status_code == 400


def test_records_of_every_list_are_edited_from_another_process(asking: Asking, sandbox: Sandbox) -> None:
    lists: dict[str, LinkedRecords[Any]] = {
        "contacts": sandbox.contacts,
        "tasks": sandbox.tasks,
        "contacts/notes": sandbox.notes["contacts"],
    }
    ids = {name: list(records.stamps())[:2] for name, records in lists.items()}
    changes = {
        "edit": {name: [one] for name, (one, _) in ids.items()},
        "delete": {name: [other] for name, (_, other) in ids.items()},
    }
    assert asking.post("/sandbox/do", {"advance_seconds": 10, **changes}).status_code == 200
    for name, records in lists.items():
        one, other = ids[name]
        assert records.stamps(NOON + 10) == {one: NOON + 10}
        assert other not in records.stamps()
    assert asking.post("/sandbox/do", {"edit": {"deals": [1]}}).status_code == 400


def test_the_log_and_the_token_can_be_asked_for(asking: Asking, sandbox: Sandbox) -> None:
    asking.leads(limit=3)
    asking.get("/api/v4/account")
    log = asking.get("/sandbox/requests", params={"path": "/api/v4/leads"}).json()
    assert (log["requests"], log["rows"], log["by_status"]) == (1, 3, {"200": 1})
    assert asking.get("/sandbox/token").text == sandbox.token
