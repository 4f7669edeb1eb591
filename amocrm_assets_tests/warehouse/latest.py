"""A flat table in a warehouse under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.entities import LEADS
from amocrm_assets.rows.latest_table import LatestWritten, write_latest_table
from amocrm_assets.warehouse import LoadResult, TableLoad

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets_tests.warehouse.places import Place


def put_latest(place: Place, by: SourceSettings, *, run_id: str = "run", entity: Entity = LEADS) -> LatestWritten:
    """Make the table of the rows that are in the storage, and load it."""
    written = write_latest_table(entity.for_source(by), place.storage, by)
    load = TableLoad(written.table, by.subdomain, written.name, written.row_count)
    ((_, outcome),) = place.warehouse.load([load], place.storage, run_id=run_id)
    assert isinstance(outcome, LoadResult), outcome
    assert outcome.row_count == written.row_count
    return written
