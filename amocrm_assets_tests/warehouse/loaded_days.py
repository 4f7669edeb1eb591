"""Days that tests of BigQuery load."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from amocrm_assets_tests.warehouse.places import Place, lead

if TYPE_CHECKING:
    from amocrm_assets.warehouse import LoadResult

DAY = date(2026, 1, 1)
SHARD = "amoCrmLeads_acme_20260101"
UPLOAD = "^/upload/.*/jobs$"


def load_day(place: Place, *, run_id: str = "run-1") -> LoadResult | Exception:
    """Load one shard of two rows."""
    return place.load_shards(place.load(DAY, [lead(1), lead(2)]), run_id=run_id)[DAY]
