"""The living account: the same past at every start, and more of it as time goes by."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from amocrm_assets.sandbox import Sandbox, SandboxOptions
from amocrm_assets.sandbox.account.history import BEGINNING, History

DAY = 86_400
LATER = BEGINNING + 60 * DAY + 12_345


def living(at: float, **more: Any) -> Sandbox:
    return Sandbox(SandboxOptions(frozen_at=at, **more))


@pytest.mark.slow
def test_a_restart_shows_the_same_past() -> None:
    one, other = living(LATER), living(LATER)
    assert one.account.stamps() == other.account.stamps()
    lead_id = max(one.account.stamps())
    assert one.account.lead(lead_id) == other.account.lead(lead_id)


def test_another_seed_is_another_account() -> None:
    assert living(LATER).account.stamps() != living(LATER, seed=2).account.stamps()


@pytest.mark.slow
def test_growing_in_steps_and_starting_late_come_to_the_same() -> None:
    growing = living(BEGINNING)
    for _ in range(60):
        growing.clock.advance(DAY)
        growing.account.stamps()
    growing.clock.advance(12_345)
    late = living(LATER)
    assert growing.account.stamps() == late.account.stamps()
    assert growing.account.stamps(deleted=True) == late.account.stamps(deleted=True)


def test_nothing_happens_in_the_future_and_nothing_is_seen_late() -> None:
    sandbox = living(BEGINNING + 20 * DAY)
    for _ in range(48):
        before = sandbox.account.stamps() | sandbox.account.stamps(deleted=True)
        seen_at = sandbox.clock.seconds()
        sandbox.clock.advance(1800)
        after = sandbox.account.stamps() | sandbox.account.stamps(deleted=True)
        news = {lead_id: at for lead_id, at in after.items() if before.get(lead_id) != at}
        assert all(seen_at < at <= seen_at + 1800 for at in news.values())


def test_a_few_hundred_leads_are_touched_on_a_working_day_and_some_at_once() -> None:
    events = list(History(1, leads_per_day=90).until(BEGINNING + 140 * DAY))
    leads_by_day: dict[int, set[int]] = {}
    for event in events:
        leads_by_day.setdefault((event.at - BEGINNING) // DAY, set()).add(event.lead_id)
    sizes = sorted(len(each) for each in leads_by_day.values())
    assert sizes[0] >= 30
    assert 150 <= sizes[len(sizes) // 2] <= 500
    assert Counter(event.at for event in events).most_common(1)[0][1] > 250


def test_leads_are_made_changed_deleted_restored_purged_and_merged() -> None:
    changes = Counter(event.change for event in History(1, leads_per_day=90).until(BEGINNING + 90 * DAY))
    assert set(changes) == {"made", "changed", "deleted", "restored", "purged", "merged"}
    assert changes["merged"] < changes["deleted"] / 4


def test_people_may_change_a_living_account() -> None:
    sandbox = living(LATER)
    lead_id = sandbox.account.add(name="Вручную")
    sandbox.clock.advance(3600)
    lead = sandbox.account.lead(lead_id)
    assert lead
    assert (lead["name"], lead["updated_at"]) == ("Вручную", LATER)
