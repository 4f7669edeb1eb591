"""Sources of the tests: settings that point at a sandbox, and the files in which people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox

TOKEN_VARIABLE = "AMOCRM_TEST_TOKEN"
# The assets of a source, those of leads first.
LEADS_ASSETS = ("raw_leads", "leads", "amoCrmLeads")
DETAILS_ASSETS = ("lead_details", "amoCrmLeadDetails")
TABLES = [table.asset for table in REFERENCE_TABLES]
REFERENCE_ASSETS = ("raw_reference", *TABLES, "amoCrmLoads")
ASSETS = (*LEADS_ASSETS, *DETAILS_ASSETS, *REFERENCE_ASSETS)
# What a person writes of a source that reads no sandbox.
SOURCE = {"subdomain": "my-shop", "start_date": "2025-01-01", "access_token_env": "A", "owners": ["team:sales"]}
# The same of leads alone.
SOURCE_OF_LEADS = {
    "subdomain": "my-shop",
    "start_date": "2026-01-01",
    "access_token_env": "SHOP_TOKEN",
    "import_reference": False,
    "import_lead_details": False,
}


def attributes_of(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    """The attributes of a source that reads a sandbox: leads alone, unless a test asks for more."""
    return {
        "subdomain": "acme",
        "base_url": sandbox.url,
        "access_token_env": TOKEN_VARIABLE,
        "timezone": "Europe/Moscow",
        "start_date": "2026-01-01",
        "requests_per_second": 50,
        "import_reference": False,
        "import_lead_details": False,
        **changes,
    }


def source_of(sandbox: Sandbox, **changes: Any) -> SourceSettings:
    """The settings of a source that reads a sandbox."""
    return SourceSettings(**attributes_of(sandbox, **changes))


def write_source(folder: Path, name: str, attributes: dict[str, Any]) -> Path:
    """Write `folder/name/defs.yaml`."""
    file = folder / name / "defs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"type": "amocrm_assets.AmoCrmSource", "attributes": attributes}
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return file
