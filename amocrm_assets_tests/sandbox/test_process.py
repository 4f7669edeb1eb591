"""The sandbox in a process of its own: options come in, an address goes out, and it ends with its input."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests

from amocrm_assets.sandbox import process

pytestmark = pytest.mark.slow


def test_it_serves_the_account_of_its_options_until_its_input_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", process.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdin
        assert started.stdout
        print(json.dumps({"subdomain": "acme", "populations": []}), file=started.stdin, flush=True)
        served = json.loads(started.stdout.readline())
        account = requests.get(
            f"{served['url']}/api/v4/account",
            headers={"Authorization": f"Bearer {served['token']}"},
            timeout=30,
        )
        assert account.json()["subdomain"] == "acme"
        started.stdin.close()
        assert started.wait(60) == 0
