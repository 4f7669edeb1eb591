"""Ends a reading without progress: responses that repeatedly contain no new record and advance nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import unproven

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import RawRecord

# A gap between pages by number takes at most a hundred requests, and six lists may have one.
MAX_RESPONSES_WITHOUT_PROGRESS = 1_000


class ProgressGuard:
    """Counts consecutive responses without progress; a reading in a loop has no others."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._without_progress = 0

    def check(self, query: Query, fresh: Sequence[RawRecord], progress: Hashable) -> None:
        """Count a response by its new records, and by the progress of the reading after it.

        Raises `ReadingUnproven` after `MAX_RESPONSES_WITHOUT_PROGRESS` responses with neither.
        """
        place = hash(progress)
        self._without_progress = 0 if fresh or place not in self._seen else self._without_progress + 1
        self._seen.add(place)
        if self._without_progress >= MAX_RESPONSES_WITHOUT_PROGRESS:
            raise unproven(
                query,
                cause=f"{self._without_progress} consecutive responses contained no new record and did not advance"
                " the read.",
                fix="Materialise the day again when fewer records are edited. If it still fails, report this"
                " account's behaviour, with what a probe says about it (docs/probing.md).",
            )
