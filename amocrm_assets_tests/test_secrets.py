"""No secret is left behind: all is run with marked ones and made to fail, then what remains is searched."""

from __future__ import annotations

import gzip
import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.cli import main
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.sandbox import Fault, Population, Sandbox, SandboxOptions, running_sandbox
from amocrm_assets.settings import documents
from amocrm_assets_tests.settings.loading import find_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

DAY, MIDNIGHT = "2025-03-10", 1741564800
# Every token and code of the sandbox begins with this, coded as in a JWT; the rest differs.
TOKEN_MARK = "eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJSUzI1NiJ9"
SECRET_MARK = "MARKED-client-secret"
OPTIONS = SandboxOptions(
    subdomain="acme",
    client_secret=SECRET_MARK,
    populations=(Population(leads=5, updated_from=MIDNIGHT, updated_to=MIDNIGHT + 60),),
    requests_per_second=None,
    frozen_at=MIDNIGHT + 2 * 86400,
)
TOKENS = "/oauth2/access_token"


class Deployed:
    """Two sources of one account, one of each kind of credentials, and all that they leave in a folder."""

    def __init__(self, folder: Path, sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self._instance = instance

    def run(self, subdomain: str, **changes: Any) -> bool:
        """Materialise a day with the sandbox changed for it."""
        self.sandbox.configure(**{"subdomain": subdomain, "faults": (), "access_token_requests": None, **changes})
        found = next(each for each in find_sources() if each.settings.subdomain == subdomain)
        retries = Retries(count=1, first_wait_seconds=0)
        definitions = source_definitions(found.settings, file=found.file, retries=retries)
        job = definitions.resolve_job_def(f"{found.settings.key}_leads")
        return job.execute_in_process(instance=self._instance, partition_key=DAY, raise_on_error=False).success

    def command(self, *arguments: str, monkeypatch: pytest.MonkeyPatch, stdin: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return int(ended.value.code or 0)

    def left_behind(self) -> dict[str, bytes]:
        """Content of every file."""
        found = {}
        for path in self.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                found[str(path.relative_to(self.folder))] = (
                    gzip.decompress(content) if path.suffix == ".gz" else content
                )
        return found


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with running_sandbox(OPTIONS) as sandbox:
        monkeypatch.setenv("AMOCRM_SOURCES", str(tmp_path / "defs"))
        oauth = {"client_id_env": "ID", "client_secret_env": "SECRET", "redirect_uri": OPTIONS.redirect_uri}
        kinds: dict[str, dict[str, Any]] = {"acme": {"oauth": oauth}, "old": {"access_token_env": "TOKEN"}}
        for subdomain, credentials in kinds.items():
            given = {"subdomain": subdomain, "base_url": sandbox.url, "start_date": "2025-03-01", **credentials}
            (tmp_path / "defs" / subdomain).mkdir(parents=True)
            text = json.dumps({"type": documents.COMPONENT, "attributes": given})
            (tmp_path / "defs" / subdomain / "defs.yaml").write_text(text)
        places = {
            "ID": OPTIONS.client_id,
            "SECRET": SECRET_MARK,
            "TOKEN": sandbox.token,
            "AMOCRM_STORAGE": str(tmp_path / "data"),
            "AMOCRM_TOKENS": str(tmp_path / "tokens"),
            "AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb",
        }
        for name, value in places.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "instance").mkdir()
        with dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as instance:
            yield Deployed(tmp_path, sandbox, instance)


def test_no_secret_is_left_behind(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox = deployed.sandbox

    def connect(code: str) -> int:
        sandbox.configure(faults=(), access_token_requests=None)
        return deployed.command("connect", "acme", "--code", monkeypatch=monkeypatch, stdin=code)

    def refreshed_once() -> None:
        # Threads share the new token: were it to end after two requests too, those of others would use it up.
        if sandbox.requests.of(TOKENS):
            sandbox.configure(access_token_requests=None)

    assert deployed.run("old")
    assert not deployed.run("acme")  # not connected
    code = sandbox.tokens.code()
    assert connect(code) == 0
    assert connect(code) == 1  # used
    sandbox.requests.clear()
    sandbox.after_answer = refreshed_once
    assert deployed.run("acme", access_token_requests=2)  # refused in mid-run, and refreshed
    assert [each.status for each in sandbox.requests.of(TOKENS)] == [200]
    sandbox.after_answer = None
    assert not deployed.run("acme", faults=(Fault("redirect"),))
    assert not deployed.run("acme", access_token_requests=0, faults=(Fault("lost", path=TOKENS),))
    assert connect(sandbox.tokens.code()) == 0
    monkeypatch.setenv("SECRET", SECRET_MARK + "-wrong")
    assert not deployed.run("acme", access_token_requests=0)
    monkeypatch.setenv("TOKEN", f"Bearer {sandbox.token}\n")
    assert not deployed.run("old")
    monkeypatch.setenv("TOKEN", sandbox.token)
    monkeypatch.setenv("SECRET", SECRET_MARK)
    sandbox.tokens.revoke()
    assert not deployed.run("old")
    assert not deployed.run("acme")
    for arguments in (["sources"], ["check", "acme"], ["check", "old"], ["fields", "old"]):
        deployed.command(*arguments, monkeypatch=monkeypatch)

    left = deployed.left_behind()
    left["printed"] = "".join(capfd.readouterr()).encode()
    left["logged"] = caplog.text.encode()
    marked = {
        name for name, content in left.items() for mark in (TOKEN_MARK, SECRET_MARK) if mark.encode() in content
    }
    assert marked == {"tokens/acme/tokens.json"}
    assert TOKEN_MARK in sandbox.token
    # The search would have found them: these are the places, and they were written.
    assert b"withdrawn the access" in left["printed"] + left["logged"]
    assert any(b"STEP_FAILURE" in content for name, content in left.items() if name.endswith(".db"))
