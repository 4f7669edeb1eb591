"""The settings of a source that reads a sandbox, and where its token is."""

from __future__ import annotations

import os

from amocrm_assets.settings import SourceSettings

SUBDOMAIN = "acme"
TOKEN_VARIABLE = "AMOCRM_BENCHMARK_TOKEN"  # noqa: S105 - the name of a variable


def attributes_of(url: str) -> dict[str, object]:
    """As they are in `defs.yaml`."""
    return {
        "subdomain": SUBDOMAIN,
        "base_url": url,
        "access_token_env": TOKEN_VARIABLE,
        "timezone": "Europe/Moscow",
        "start_date": "2024-01-01",
        "requests_per_second": 50,
        "import_reference": False,
        "import_lead_details": False,
    }


def source_of(url: str, *, token: str | None = None) -> SourceSettings:
    """The same as settings; a token is put where they say."""
    if token:
        os.environ[TOKEN_VARIABLE] = token
    return SourceSettings.model_validate(attributes_of(url))
