"""The sandbox beside a command: it is there before the command begins, and gone when it has ended."""

from __future__ import annotations

import shlex
import signal
import socket
import subprocess
import sys

import pytest
import requests

from amocrm_assets_tests.serving import free_port

SANDBOX = [sys.executable, "-m", "amocrm_assets.cli", "sandbox", "--set", "populations=[]"]
# Tells what it is given: the status of an answer, and how it was ended.
ASKING = """
import signal, sys, time, urllib.request
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/sandbox/token") as answer:
    print(answer.status, flush=True)
time.sleep(float(sys.argv[2]))
sys.exit(5)
"""


def beside(port: int, *, seconds: float) -> list[str]:
    return [*SANDBOX, "--port", str(port), "--", sys.executable, "-c", ASKING, str(port), str(seconds)]


@pytest.mark.slow
def test_a_command_beside_the_sandbox_can_ask_it_and_its_exit_status_is_kept() -> None:
    ran = subprocess.run(beside(free_port(), seconds=0), capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 5, ran.stderr
    assert ran.stdout.splitlines()[-1] == "200"


def test_a_signal_ends_the_command_in_its_own_way_and_the_sandbox_with_it() -> None:
    command = beside(free_port(), seconds=60)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "200\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 7


def test_a_command_beside_the_sandbox_obeys_ctrl_c_though_a_script_started_both_in_the_background() -> None:
    """Shells let background jobs of scripts ignore SIGINT, by which `dg dev` ends what it has started."""
    command = [*SANDBOX, "--port", "0", "--", sys.executable, "-c", "import signal; print(signal.getsignal(2))"]
    script = f"trap '' INT; {shlex.join(command)}"
    ran = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert "default_int_handler" in ran.stdout.splitlines()[-1]


def test_a_taken_port_is_said_so_before_the_command_begins() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = beside(taken.getsockname()[1], seconds=0)
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 1
    assert "--port" in ran.stderr
    assert "200" not in ran.stdout


def test_a_command_that_does_not_exist_is_said_so() -> None:
    command = [*SANDBOX, "--port", "0", "--", "no-such-command"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 2
    assert "no-such-command" in ran.stderr


def test_the_limits_kind_and_jitter_are_options_and_refusals_are_said_at_the_end() -> None:
    options = ["--port", "0", "--limit-kind", "bucket:3", "--jitter-ms", "20", "--set", "requests_per_second=1"]
    with subprocess.Popen([*SANDBOX, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().partition(" on ")[2].split()[0]
        settings = requests.get(f"{url}/sandbox/control", timeout=60).json()
        statuses = [requests.get(f"{url}/api/v4/account", timeout=60).status_code for _ in range(5)]
        process.send_signal(signal.SIGTERM)
        output = process.stdout.read()

    assert (settings["limit_kind"], settings["jitter_seconds"]) == ("bucket:3", 0.02)
    assert statuses[:3] == [401] * 3
    assert f"5 requests, {statuses.count(429)} of them refused (429)." in output


def test_an_unknown_kind_of_limit_is_said_with_those_that_exist() -> None:
    command = [*SANDBOX, "--port", "0", "--limit-kind", "leaky"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 2
    assert "'bucket:N'" in ran.stderr
