"""Reads a window of a list whose records never change: `appended` decides, `window_reader` sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.appended import AppendedPlanner
from amocrm_assets.crm.pagination.window_reader import WindowReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.traits import AccountTraits
    from amocrm_assets.days import Window
    from amocrm_assets.entities import RecordList


class AppendedReader(WindowReader):
    """One complete reading of a window of appended lists."""

    def _planner(
        self, window: Window, record_lists: Sequence[RecordList], traits: AccountTraits
    ) -> AppendedPlanner:
        return AppendedPlanner(window, record_lists, traits)
