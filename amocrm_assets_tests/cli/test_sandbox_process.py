"""The sandbox beside the demo: it answers, ends with the demo however that ends, and says when it fails."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
import requests

from amocrm_assets.cli.sandbox_process import sandbox_process
from amocrm_assets.errors import InternalError

PARENT = """
import time
from amocrm_assets.cli.sandbox_process import sandbox_process
with sandbox_process(populations=[]) as starting:
    print(starting.wait().url, flush=True)
    time.sleep(600)
"""


def test_it_answers_until_it_is_left() -> None:
    with sandbox_process(populations=[], subdomain="acme") as starting:
        sandbox = starting.wait()
        account = requests.get(
            f"{sandbox.url}/api/v4/account", headers={"Authorization": f"Bearer {sandbox.token}"}, timeout=30
        )
    assert account.json()["subdomain"] == "acme"
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=30)


@pytest.mark.slow
def test_it_does_not_outlive_a_process_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline().startswith("http://127.0.0.1:")
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    child.wait(timeout=60)


def test_one_that_does_not_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with sandbox_process(no_such_option=1) as starting, pytest.raises(InternalError, match="status 1"):
        starting.wait()
    assert "no_such_option" in capfd.readouterr().err
