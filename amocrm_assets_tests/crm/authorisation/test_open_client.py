"""A client of an account is made in one place, with the source's rate limit and the right authorisation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import amocrm_assets
from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.authorisation import open_client
from amocrm_assets.crm.connecting import FreshToken
from amocrm_assets.errors import NotAuthorised
from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.crm.authorisation.life import Life

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox

PACKAGE = Path(amocrm_assets.__file__).parent


def test_no_other_module_makes_a_client() -> None:
    made = ("AmoCrmClient(", "AmoCrmClient.for_source(")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(call in path.read_text("utf-8") for call in made)
    }
    assert found == {"crm/authorisation/__init__.py"}


def test_a_client_sends_the_token_of_an_authorisation_that_is_open_already() -> None:
    with running_sandbox(SandboxOptions(populations=())) as sandbox:
        source = SourceSettings(
            subdomain="sandbox", base_url=sandbox.url, access_token_env="NOT_SET", start_date="2026-01-01"
        )
        with open_client(source, authorisation=FreshToken(source, sandbox.token)) as client:
            assert read_account(client).subdomain == "sandbox"


def test_a_client_has_the_tokens_of_its_deployment_which_is_the_environments_by_default(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = Life(sandbox, tmp_path / "here"), str(tmp_path / "elsewhere")
    here.connect()
    for folder, deployment in ((elsewhere, here.deployment), (here.deployment.tokens, None)):
        monkeypatch.setenv("AMOCRM_TOKENS", folder)
        with open_client(here.source, deployment) as client:
            assert read_account(client).subdomain == "acme"
    monkeypatch.setenv("AMOCRM_TOKENS", elsewhere)
    with open_client(here.source) as client, pytest.raises(NotAuthorised, match="is not connected"):
        read_account(client)
