"""Commands run in this process, with sources of their own and a sandbox to ask."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from amocrm_assets.cli import main
from amocrm_assets.sandbox import Population, Sandbox, SandboxOptions
from amocrm_assets.settings import documents

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = SandboxOptions(
    subdomain="acme",
    client_id="integration-1",
    client_secret="MARKED-secret",
    requests_per_second=None,
    # The living account takes seconds to think up.
    populations=(Population(leads=40, updated_from=1767225600, updated_to=1767312000),),
)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed for a program."""
        return json.loads(self.out)


class Command(Protocol):
    def __call__(self, *arguments: str, stdin: str = "") -> Ran: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `amocrm-assets` with arguments, and a pipe as standard input."""

    def command(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return command


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.reset(OPTIONS)
    return served


@pytest.fixture
def defs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sources, and a deployment all of whose places are below it."""
    folder = tmp_path / "defs"
    folder.mkdir()
    monkeypatch.setenv("AMOCRM_SOURCES", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_TOKENS", str(tmp_path / "tokens"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/warehouse.duckdb")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return folder


class AddSource(Protocol):
    def __call__(self, subdomain: str = "acme", **attributes: Any) -> None: ...


@pytest.fixture
def add_source(defs: Path) -> AddSource:
    """Writes the settings of a source."""

    def add(subdomain: str = "acme", **attributes: Any) -> None:
        (defs / subdomain).mkdir()
        given = {
            "subdomain": subdomain,
            "start_date": "2026-01-01",
            "timezone": "Europe/Moscow",
            "import_lead_details": False,
            **attributes,
        }
        text = json.dumps({"type": documents.COMPONENT, "attributes": given}, ensure_ascii=False)
        (defs / subdomain / "defs.yaml").write_text(text, encoding="utf-8")

    return add


@pytest.fixture
def acme(add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The source `acme` with a long-lived token of the sandbox, which is returned."""
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    add_source(base_url=sandbox.url, access_token_env="ACME_TOKEN", display_name="Acme [ltd]")
    return sandbox


@pytest.fixture
def acme_oauth(add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The source `acme` with OAuth in the sandbox, which is returned."""
    monkeypatch.setenv("ACME_ID", OPTIONS.client_id)
    monkeypatch.setenv("ACME_SECRET", OPTIONS.client_secret)
    oauth = {"client_id_env": "ACME_ID", "client_secret_env": "ACME_SECRET", "redirect_uri": OPTIONS.redirect_uri}
    add_source(base_url=sandbox.url, oauth=oauth)
    return sandbox
