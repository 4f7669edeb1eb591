"""Questions about the order of another list that a source imports: by time, by id with a filter, or its own."""

from __future__ import annotations

from itertools import pairwise
from math import factorial
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination.pages import number_of
from amocrm_assets.crm.probe.orders import MIN_ODDS
from amocrm_assets.crm.probe.samples import NEWEST, OLDEST
from amocrm_assets.crm.probe.verdict import NotSettled, Refused, Verdict
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.crm.pagination.query import Order
    from amocrm_assets.crm.probe.list_samples import ListSamples

Json = dict[str, Any]


def order(sample: ListSamples) -> Verdict:
    """Whether `order[updated_at]` sorts the list."""
    is_needed = sample.record_list.kind == "moving"
    try:
        is_sorted = _is_sorted(sample, (NEWEST, OLDEST), sample.seconds)
    except Refused as refused:
        return refused.verdict("Runs fail." if is_needed else "It is read by id.")
    if is_sorted:
        follows = "The list is read by `updated_at`." if is_needed else "It is read by id all the same."
        return Verdict("honoured", "pages that are sorted both ways", follows)
    follows = "Nothing proves that a reading is complete, so it fails." if is_needed else "It is read by id."
    return Verdict("ignored", "pages that are not sorted, twice", follows)


def id_order(sample: ListSamples) -> Verdict:
    """Whether `order[id]` sorts a list that is filtered by time."""
    seconds = sample.seconds(sample.newest.records)
    window = Window(min(seconds) - 1, max(seconds) + 1)
    if _is_sorted(sample, ("id desc", "id asc"), _ids, window):
        return Verdict(value=True, observed="sorted by id, both ways", conclusion="The list is read by id.")
    return Verdict(
        value=False,
        observed="not sorted by id, twice",
        conclusion="Nothing proves that a reading is complete, so it fails.",
    )


def _is_sorted(
    sample: ListSamples,
    falling_and_rising: tuple[Order, Order],
    keys: Callable[[Sequence[Json]], list[int]],
    window: Window | None = None,
) -> bool:
    """Whether each of two orders sorts a page. One odd page is requested again."""
    _require_odds(sample.seconds(sample.newest.records))
    for by, step in zip(falling_and_rising, (1, -1), strict=True):
        for again in (False, True):
            found = keys(sample.page(sample.record_list, by, window, again=again).records)
            _require_odds(found)
            if is_falling(found[::step]):
                break
        else:
            return False
    return True


def _ids(records: Sequence[Json]) -> list[int]:
    return [number for each in records if (number := number_of(each.get("id"))) is not None]


def order_of_appended(sample: ListSamples) -> Verdict:
    """The order of a list that has no parameter for it."""
    seconds = sample.seconds(sample.newest.records)
    _require_odds(seconds)
    found = "newest first" if is_falling(seconds) else "oldest first" if is_falling(seconds[::-1]) else "none"
    return Verdict(found, f"a page in this order: {found}", "Readings rely on no order.")


def is_falling(numbers: Sequence[int]) -> bool:
    """Whether no number is greater than the previous one. Pure."""
    return all(later <= earlier for earlier, later in pairwise(numbers))


def _require_odds(numbers: Sequence[int]) -> None:
    if factorial(min(len(set(numbers)), 20)) < MIN_ODDS:
        raise NotSettled("too few records came: their order may be chance")
