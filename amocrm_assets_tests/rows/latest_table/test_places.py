"""The places of records' newest rows: those of the greatest time, and of equal times those of the last day."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from amocrm_assets.rows.latest_table.places import NEVER, DayPlaces, Places, is_superseded, joined, places_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    # Of each day, by the record's id: when it was updated, whether it is deleted, whether it has properties.
    Days = Mapping[int, Mapping[int, tuple[int, bool, bool]]]
    # By id: time and day of the newest row, whether it is deleted, time and day of properties, whether it has any.
    Known = dict[int, tuple[int, int, bool, int, int, bool]]


def places(days: Days) -> Places:
    return places_of([(number, _day_places(rows)) for number, rows in days.items()])


def _day_places(rows: Mapping[int, tuple[int, bool, bool]]) -> DayPlaces:
    ids, values = list(rows), list(rows.values())
    kinds = (np.int64, np.bool_, np.bool_)
    return DayPlaces(
        np.array(ids, np.int64), *(np.array([each[at] for each in values], kind) for at, kind in enumerate(kinds))
    )


def listed(found: Places) -> Known:
    columns = (
        found.updated_at,
        found.day,
        found.is_deleted,
        found.properties_at,
        found.properties_day,
        found.has_properties,
    )
    return dict(zip(found.ids.tolist(), zip(*(each.tolist() for each in columns), strict=True), strict=True))


def expected(days: Days) -> Known:
    known: Known = {}
    for record in sorted({each for rows in days.values() for each in rows}):
        versions = [(*rows[record][:1], day, *rows[record][1:]) for day, rows in days.items() if record in rows]
        newest = max(versions)
        full = max((each for each in versions if each[3]), default=None)
        known[record] = (*newest[:3], *(full or newest)[:2], full is not None)
    return known


def is_enough(kept: Known, new: Known, changed: Collection[int]) -> bool:
    """Whether every row in the changed days that was kept is replaced by one that is as new at least."""
    for record, (at, day, _, properties_at, properties_day, has) in kept.items():
        found = new.get(record)
        if day in changed and (found is None or found[:2] < (at, day)):
            return False
        lost = found is None or not found[5] or found[3:5] < (properties_at, properties_day)
        if has and properties_day in changed and lost:
            return False
    return True


LIVE, GONE, STUB = (False, True), (True, True), (True, False)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {}, []),
        ({}, {1: {7: (5, *LIVE)}}, [1]),
        ({1: {}}, {1: {7: (5, *LIVE)}}, [1]),
        ({1: {7: (5, *LIVE)}}, {1: {}}, [1]),
        ({1: {7: (5, *LIVE)}}, {}, [1]),
        # Other records are not where a record is searched that is lost.
        ({1: {7: (5, *LIVE), 8: (6, *LIVE)}}, {1: {8: (6, *LIVE)}}, [1]),
        ({1: {7: (5, *LIVE), 8: (6, *LIVE)}}, {1: {7: (5, *LIVE)}}, [1]),
        ({1: {7: (5, *LIVE)}}, {1: {7: (5, *LIVE), 9: (5, *STUB)}}, [1]),
        # Of equal times the later day counts.
        ({3: {7: (5, *LIVE)}}, {3: {7: (5, *LIVE)}, 2: {7: (5, *GONE)}}, [2]),
        ({2: {7: (5, *LIVE)}}, {2: {7: (5, *LIVE)}, 3: {7: (5, *GONE)}}, [3]),
        ({3: {7: (5, *LIVE)}}, {3: {7: (5, *GONE)}}, [3]),
        ({3: {7: (5, *LIVE)}}, {2: {7: (5, *LIVE)}}, [2, 3]),
        # A time that is null is before all others.
        ({2: {7: (NEVER, *LIVE)}}, {2: {7: (NEVER, *LIVE)}, 1: {7: (1, *LIVE)}}, [1]),
        ({2: {7: (1, *LIVE)}}, {2: {7: (1, *LIVE)}, 3: {7: (NEVER, *LIVE)}}, [3]),
        # Stubs delete, and properties stay where they are, or are found behind them.
        ({1: {7: (5, *LIVE)}}, {1: {7: (5, *LIVE)}, 2: {7: (6, *STUB)}}, [2]),
        ({2: {7: (6, *STUB)}}, {1: {7: (5, *LIVE)}, 2: {7: (6, *STUB)}}, [1]),
        ({1: {7: (5, *LIVE)}, 2: {7: (6, *STUB)}}, {1: {7: (4, *LIVE)}, 2: {7: (6, *STUB)}}, [1]),
        ({1: {7: (5, *LIVE)}, 2: {7: (6, *STUB)}}, {1: {7: (5, *STUB)}, 2: {7: (6, *STUB)}}, [1]),
        ({1: {7: (5, *STUB)}, 2: {7: (6, *STUB)}}, {1: {7: (7, *STUB)}, 2: {7: (6, *STUB)}}, [1]),
    ],
)
def test_places_after_a_change_are_those_of_all_days_or_all_days_are_read(
    before: Days, after: Days, changed: list[int]
) -> None:
    check(before, after, changed)


def check(before: Days, after: Days, changed: Collection[int]) -> bool:
    """Whether the changed days were enough."""
    kept, new = places(before), places({day: rows for day, rows in after.items() if day in changed})
    assert listed(kept) == expected(before)
    overlaid = {record: each[:2] != each[3:5] for record, each in expected(before).items()}
    assert dict(zip(kept.ids.tolist(), kept.overlaid.tolist(), strict=True)) == overlaid
    enough = is_superseded(kept, new, changed)
    assert enough == is_enough(listed(kept), listed(new), changed)
    if enough:
        found, from_new = joined(kept, new)
        assert listed(kept) | listed(found) == expected(after)
        assert found.ids.tolist() == new.ids.tolist()
        # The other rows are in the file that is kept, which has none of the changed days' rows any more.
        for record, is_new in zip(found.ids.tolist(), from_new.tolist(), strict=True):
            assert is_new == (expected(after)[record][4] in changed)
    return enough


def test_any_days_and_changes_give_the_places_of_all_days() -> None:
    rng = Random(7)

    def some_day() -> dict[int, tuple[int, bool, bool]]:
        ids = sorted(rng.sample(range(1, 6), rng.randrange(5)))
        return {each: (rng.randrange(4), *rng.choice([LIVE, GONE, STUB])) for each in ids}

    enough = 0
    for _ in range(100):
        before = {day: some_day() for day in rng.sample(range(4), rng.randrange(5))}
        changed = rng.sample(range(4), rng.randrange(3))
        after = {day: rows for day, rows in before.items() if day not in changed}
        # A day that is read again may also be lost, or only grow.
        after |= {day: before.get(day, {}) | some_day() for day in changed if rng.random() < 0.9}
        enough += check(before, dict(sorted(after.items())), changed)
    assert 30 < enough < 90
