"""Reads a window of a list that is ordered by id alone: `by_id` decides, `window_reader` sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.by_id import ByIdPlanner
from amocrm_assets.crm.pagination.window_reader import WindowReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList


class ByIdReader(WindowReader):
    """One complete reading of a window of lists that are ordered by id."""

    def _planner(self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits) -> ByIdPlanner:
        return ByIdPlanner(window, record_lists, traits)
