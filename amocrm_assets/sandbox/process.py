"""A sandbox in a process of its own, on another core than its reader: `python -m amocrm_assets.sandbox.process`.

The first line of standard input brings options as JSON. Once it listens, a line of standard output has its `url`
and the long-lived `token` of its account. It ends when its input ends, as it does when its parent is killed.
"""

from __future__ import annotations

import json
import signal
import sys

from amocrm_assets.sandbox import running_sandbox
from amocrm_assets.sandbox.options import options_from_json


def main() -> None:
    """Serve until the input ends; Ctrl-C is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = options_from_json(json.loads(sys.stdin.readline()))
    with running_sandbox(options) as sandbox:
        print(json.dumps({"url": sandbox.url, "token": sandbox.token}), flush=True)  # noqa: T201 - it is the answer
        sys.stdin.read()


if __name__ == "__main__":
    main()
