"""A reading that gets nowhere ends, with its cause; one that gets on may take as long as it needs."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from amocrm_assets.crm.pagination import Query, progress_guard
from amocrm_assets.crm.pagination.pages import RawRecord
from amocrm_assets.crm.pagination.progress_guard import MAX_RESPONSES_WITHOUT_PROGRESS, ProgressGuard
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import read

QUERY = Query(LEADS.live, "id asc")
LEAD = RawRecord(1, 1_000, is_deleted=False, line=b"{}")


def test_a_reading_that_goes_round_in_circles_is_ended() -> None:
    guard = ProgressGuard()
    places = itertools.cycle(range(3))
    for _ in range(3 + MAX_RESPONSES_WITHOUT_PROGRESS - 1):
        guard.check(QUERY, [], next(places))

    with pytest.raises(
        ReadingUnproven, match=f"{MAX_RESPONSES_WITHOUT_PROGRESS} consecutive responses contained no new record"
    ):
        guard.check(QUERY, [], next(places))


def test_leads_and_steps_forward_count_as_progress() -> None:
    guard = ProgressGuard()
    for number in range(3 * MAX_RESPONSES_WITHOUT_PROGRESS):
        guard.check(QUERY, [], number)
    for number in range(3 * MAX_RESPONSES_WITHOUT_PROGRESS):
        guard.check(QUERY, [] if number % 2 else [LEAD], 0)


def test_each_answer_of_a_reading_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_guard, "MAX_RESPONSES_WITHOUT_PROGRESS", 1)

    # The second after the first page is requested again, from the second before.
    account = ListedAccount({number: 1_000 + number for number in range(400)}, exclusive_from=True)
    with pytest.raises(ReadingUnproven, match="did not advance the read"):
        read(account, Random(1), permits=1)
