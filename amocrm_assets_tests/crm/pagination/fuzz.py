"""Readings of accounts with random oddities, edited meanwhile, for as long as one likes: `make fuzz`.

A seed draws one account and one reading of it, always the same. The reading must be complete, or end in
`ReadingUnproven`, or say by a finding that something may be missing; and it must end.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.test_silent_loss import ODDITIES, SHAPES, assert_no_silent_loss, seconds

DAMAGES = {"an answer without next": "end", "an empty answer": "empty"}
MORE_SHAPES = (*SHAPES, "dense", "in the order of ids", "nearly in the order of ids")
MAX_ANSWERS = 3_000


@dataclass(frozen=True)
class DrawnRead:
    """One drawn read."""

    names: tuple[str, ...]
    account: ListedAccount
    traits: AccountTraits
    edits: int
    deletions: int
    permits: int


def draw(seed: int) -> tuple[DrawnRead, Random]:
    """The reading of a seed, and the generator that goes on with its edits."""
    random = Random(seed)
    names = tuple(sorted(random.sample([*ODDITIES, *DAMAGES], random.choice([1, 2, 2, 3]))))
    switches: dict[str, Any] = {}
    for name in names:
        switches |= ODDITIES.get(name, {})
    switches["damage"] = {random.randrange(1, 14): DAMAGES[name] for name in names if name in DAMAGES}
    leads = random.choice([random.randrange(30), random.randrange(240, 521), random.randrange(2_000)])
    deleted = random.choice([0, random.randrange(30), random.randrange(240, 521)])
    account = ListedAccount(
        dict(enumerate(seconds(leads, random, random.choice(MORE_SHAPES)))),
        dict(enumerate(seconds(deleted, random, random.choice(MORE_SHAPES)), start=10_000)),
        **switches,
    )
    traits = AccountTraits(
        from_is_inclusive=random.choice([None, None, False]), filters=random.choice([None, None, False])
    )
    edits, deletions = random.choice([(0, 0), (0, 0), (1, 0), (3, 1), (0, 2)])
    return DrawnRead(names, account, traits, edits, deletions, random.randrange(1, 7)), random


def try_reading(seed: int) -> str:
    """How the reading of a seed ended: `read`, or `refused`. Raises `AssertionError` for a silent loss."""
    reading, random = draw(seed)

    def count() -> None:
        assert reading.account.request_count <= MAX_ANSWERS, "the reading does not end"

    is_read = assert_no_silent_loss(
        reading.account,
        random,
        edits=reading.edits,
        deletions=reading.deletions,
        permits=reading.permits,
        traits=reading.traits,
        after_answer=count,
    )
    return "read" if is_read else "refused"


def main(for_seconds: float, seed: int) -> int:
    """Try seed after seed; print those that failed. The number of these."""
    end = time.monotonic() + for_seconds
    ended: Counter[str] = Counter()
    while time.monotonic() < end:
        try:
            ended[try_reading(seed)] += 1
        except Exception:  # noqa: BLE001  # a failure of any kind is what is looked for
            ended["failed"] += 1
            print(f"seed {seed}: {draw(seed)[0].names}\n{traceback.format_exc(limit=-1)}")  # noqa: T201
        seed += 1
    print(f"{dict(ended)}, up to seed {seed - 1}")  # noqa: T201
    return ended["failed"]


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])) > 0)
