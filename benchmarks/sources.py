"""The settings of a source that reads a sandbox, and its token."""

from __future__ import annotations

import os

from amocrm_assets.settings import SourceSettings

SUBDOMAIN = "acme"
TOKEN_VARIABLE = "AMOCRM_BENCHMARK_TOKEN"  # noqa: S105 - the name of a variable


def attributes_of(url: str, **others: object) -> dict[str, object]:
    """The attributes as in `defs.yaml`: leads alone, without the other tables, unless `others` change that."""
    return {
        "subdomain": SUBDOMAIN,
        "base_url": url,
        "access_token_env": TOKEN_VARIABLE,
        "timezone": "Europe/Moscow",
        "start_date": "2024-01-01",
        "requests_per_second": 50,
        "import_reference": False,
        "import_lead_details": False,
        **others,
    }


def everything() -> dict[str, object]:
    """The attributes that import everything a source can import."""
    return {name: True for name in SourceSettings.model_fields if name.startswith("import_")}


def source_of(url: str, *, token: str | None = None, **others: object) -> SourceSettings:
    """The same as settings; sets the environment variable of the token."""
    if token:
        os.environ[TOKEN_VARIABLE] = token
    return SourceSettings.model_validate(attributes_of(url, **others))
