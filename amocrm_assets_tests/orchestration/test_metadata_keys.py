"""Which keys the page of an asset explains, by the kind of the asset."""

from __future__ import annotations

import pytest

from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets.orchestration.metadata_keys import explained, meanings


@pytest.mark.parametrize(
    ("asset", "has", "lacks"),
    [
        ("raw_leads", {"capture", "findings", "dagster/partition_row_count"}, {"rows", "dagster/table_name"}),
        ("leads", {"rows", "captures", "dagster/partition_row_count"}, {"findings", "dagster/table_name"}),
        ("amoCrmLeads", {"dagster/table_name", "without_name"}, {"rows", "findings"}),
        ("raw_reference", {"lists", "dagster/row_count", "subdomain"}, {"dagster/partition_row_count", "pages"}),
        ("amoCrmUsers", {"current", "dagster/row_count", "subdomain"}, {"dagster/partition_row_count"}),
        ("amoCrmLeadsLatest", {"made_anew", "dagster/row_count"}, {"dagster/partition_row_count"}),
    ],
)
def test_an_asset_explains_the_keys_of_its_kind_alone(asset: str, has: set[str], lacks: set[str]) -> None:
    found = meanings(asset)
    assert has <= found.keys()
    assert not lacks & found.keys()
    text = explained(asset).value
    assert all(f"| `{key.replace('/', f'/{BREAK}')}` | {meaning} |" in text for key, meaning in found.items())
    # Only captures are made by requests.
    assert ("`retries_…`" in text) is asset.startswith("raw_")
