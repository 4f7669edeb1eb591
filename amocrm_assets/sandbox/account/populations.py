"""Accounts with a given number of leads over given seconds. For accounts that change over time see `history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.sandbox.options import Population

_FIRST_ID = 1_000_001
_STRIDE = 7919  # a prime: neighbours in time get ids far apart


def spread(populations: Iterable[Population]) -> tuple[list[int], list[int], list[bool]]:
    """Ids, `updated_at` and whether deleted, of all populations; ids rise from one to the next."""
    ids: list[int] = []
    updated_at: list[int] = []
    deleted: list[bool] = []
    for population in populations:
        count = population.leads
        stride = _STRIDE if count % _STRIDE else 1
        seconds = population.updated_to - population.updated_from
        first = _FIRST_ID + len(ids)
        ids.extend(range(first, first + count))
        updated_at.extend(
            population.updated_from + place * stride % count * seconds // max(count - 1, 1)
            for place in range(count)
        )
        deleted.extend([population.deleted] * count)
    return ids, updated_at, deleted
