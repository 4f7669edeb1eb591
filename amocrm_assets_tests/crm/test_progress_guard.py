"""A reading that gets nowhere ends, with its cause; one that gets on may take as long as it needs."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from amocrm_assets.crm import progress_guard
from amocrm_assets.crm.pages import RawRecord
from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.progress_guard import MAX_ANSWERS_IN_VAIN, ProgressGuard
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.listing import ListedAccount
from amocrm_assets_tests.crm.test_read_planner import read

QUERY = Query("leads", "id asc")
LEAD = RawRecord(1, 1_000, is_deleted=False, line=b"{}")


def test_a_reading_that_goes_round_in_circles_is_ended() -> None:
    guard = ProgressGuard()
    places = itertools.cycle(range(3))
    for _ in range(3 + MAX_ANSWERS_IN_VAIN - 1):
        guard.check(QUERY, [], next(places))

    with pytest.raises(ReadingUnproven, match=f"{MAX_ANSWERS_IN_VAIN} answers in a row brought no new lead"):
        guard.check(QUERY, [], next(places))


def test_leads_and_steps_forward_count_as_progress() -> None:
    guard = ProgressGuard()
    for number in range(3 * MAX_ANSWERS_IN_VAIN):
        guard.check(QUERY, [], number)
    for number in range(3 * MAX_ANSWERS_IN_VAIN):
        guard.check(QUERY, [] if number % 2 else [LEAD], 0)


def test_each_answer_of_a_reading_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_guard, "MAX_ANSWERS_IN_VAIN", 1)

    with pytest.raises(ReadingUnproven, match="came no nearer to the end"):
        read(ListedAccount({}), Random(1), permits=1)
