"""The stand-in from the command line, for trying by hand."""

from __future__ import annotations

import argparse
import threading
import time

from amocrm_assets_tests.standin import (
    Editor,
    Semantics,
    StandIn,
    StandInAccount,
    event,
    many_leads,
    running_standin,
)
from amocrm_assets_tests.standin.semantics import parse_switch


def main() -> None:
    """Serve an account of leads that were updated during the last days until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m amocrm_assets_tests.standin", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--leads", type=int, default=2000)
    parser.add_argument("--deleted", type=int, default=100)
    parser.add_argument("--tied", type=int, default=20, help="so many leads share one second")
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--edits", type=int, default=0, help="changes after each page of leads")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME[=VALUE]", help="see semantics.py")
    given = parser.parse_args()
    changes = {name: value for text in given.switch for name, value in parse_switch(text).items()}
    now = int(time.time())
    leads = many_leads(
        given.seed, given.leads, now - given.days * 86_400, now, deleted=given.deleted, tied=given.tied
    )
    account = StandInAccount(leads, events=[event(number, now - number * 60) for number in range(600)])
    standin = StandIn(account, Semantics(**changes))
    if given.edits:
        standin.after_answer = Editor(account, given.seed, per_answer=given.edits)
    with running_standin(standin, port=given.port):
        print(f"{standin.url}  token: {standin.token}  subdomain: {account.subdomain}", flush=True)  # noqa: T201
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(standin.requests)} requests, {standin.refused} refused")  # noqa: T201


main()
