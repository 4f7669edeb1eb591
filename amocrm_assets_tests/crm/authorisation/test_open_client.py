"""A client of an account is made in one place, with the source's rate limit and the right authorisation."""

from __future__ import annotations

from pathlib import Path

import amocrm_assets
from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.authorisation import open_client
from amocrm_assets.crm.connecting import FreshToken
from amocrm_assets.sandbox import SandboxOptions, running_sandbox
from amocrm_assets.settings import SourceSettings

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
