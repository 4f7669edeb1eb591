"""A source with OAuth in the sandbox, from its first consent on, for tests of its life."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.authorisation import open_authorisation
from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
from amocrm_assets.crm.authorisation.token_store import StoredTokens, TokenStore
from amocrm_assets.crm.connecting import connect
from amocrm_assets.crm.http.authorisation import Authorisation
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.errors import NotAuthorised
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.crm.authorisation.sources import OAUTH, source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.crm.account import Account
    from amocrm_assets.sandbox import Sandbox

TOKENS = "/oauth2/access_token"


class Life:
    """One source and its token store."""

    def __init__(self, sandbox: Sandbox, folder: Path | str) -> None:
        self.sandbox = sandbox
        self.source = source(sandbox.url)
        self.deployment = Deployment(tokens=str(folder))
        self.store = TokenStore.of(self.source, self.deployment)
        self._processes: list[subprocess.Popen[str]] = []

    def connect(self, code: str | None = None) -> Account:
        endpoint = TokenEndpoint(self.source, OAUTH)
        return connect(endpoint, code or self.sandbox.tokens.code(), store=self.store)

    def opened(self) -> Authorisation:
        return open_authorisation(self.source, self.deployment)

    def stored(self) -> StoredTokens:
        kept = self.store.read()
        assert kept is not None
        return kept.tokens

    def run(self, *, requests: int = 1) -> Account:
        with AmoCrmClient(self.source.url, self.opened(), requests_per_second=1000, source=self.source) as client:
            return [read_account(client) for _ in range(requests)][-1]

    def statuses(self) -> list[int]:
        return [each.status for each in self.sandbox.requests.of(TOKENS)]

    def is_lost(self) -> bool:
        """Whether an interrupted refresh took the pair with it; connected again if so."""
        try:
            self.opened().renew(self.stored().access_token)
        except NotAuthorised as error:
            if "was interrupted (a killed process" not in str(error):
                raise
            self.connect()
            return True
        return False

    def process(self, rounds: int) -> subprocess.Popen[str]:
        module = "amocrm_assets_tests.crm.authorisation.refreshing"
        command = [sys.executable, "-m", module, self.source.url, self.deployment.tokens, str(rounds)]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._processes.append(started)
        return started

    def end_processes(self) -> None:
        """What a test that failed left running would ask in the next test's sandbox."""
        for process in self._processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
