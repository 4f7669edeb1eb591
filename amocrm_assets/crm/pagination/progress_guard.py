"""Ends a reading that gets nowhere: answers that bring neither a record nor a step forward, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination import unproven

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from amocrm_assets.crm.pagination import Query
    from amocrm_assets.crm.pagination.pages import RawRecord

# A gap between pages by number is looked for a hundred times at most, and six lists may have one.
MAX_ANSWERS_IN_VAIN = 1_000


class ProgressGuard:
    """Counts answers in a row that led to nothing new; a reading that goes round in circles brings only such."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._in_vain = 0

    def check(self, query: Query, fresh: Sequence[RawRecord], progress: Hashable) -> None:
        """Take note of an answer's new records and of how far the reading is after it.

        Raises `ReadingUnproven` after `MAX_ANSWERS_IN_VAIN` answers without any of both.
        """
        place = hash(progress)
        self._in_vain = 0 if fresh or place not in self._seen else self._in_vain + 1
        self._seen.add(place)
        if self._in_vain >= MAX_ANSWERS_IN_VAIN:
            raise unproven(
                query,
                cause=f"{self._in_vain} answers in a row brought no new record and came no nearer to the end.",
                fix="Materialise the day again when fewer records are edited. If it still fails, report this"
                " account's behaviour, with what a probe says about it (docs/probing.md).",
            )
