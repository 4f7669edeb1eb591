"""The sandbox in a process of its own: options come in, an address goes out, and it ends with its input."""

from __future__ import annotations

import json
import subprocess
import sys

import requests

from amocrm_assets.sandbox import SandboxOptions, long_lived_token, process


def test_it_serves_the_account_of_its_options_until_its_input_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", process.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdin
        assert started.stdout
        print(json.dumps({"subdomain": "acme", "populations": []}), file=started.stdin, flush=True)
        served = json.loads(started.stdout.readline())
        assert requests.get(f"{served['url']}/sandbox/token", timeout=30).ok
        assert served["token"].count(".") == long_lived_token(SandboxOptions(subdomain="acme")).count(".") == 2
        started.stdin.close()
        assert started.wait(60) == 0
