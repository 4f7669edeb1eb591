"""An account that others use too gets less, and gets the rest back once they have stopped."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.http.fair_share import MIN_SHARE, NEAR_RECOVERY, RECOVERY, FairShare


def good_answers_until(share: FairShare, wanted: float) -> int:
    count = 0
    while share.now < wanted:
        share.recover()
        count += 1
    return count


def test_a_share_that_was_never_refused_is_the_whole_budget() -> None:
    share = FairShare()
    share.recover()
    assert share.now == 1


def test_each_refusal_halves_the_share_down_to_a_least_one() -> None:
    share = FairShare()
    shares = []
    for _ in range(8):
        share.give_way()
        shares.append(share.now)
    assert shares[:4] == [1 / 2, 1 / 4, 1 / 8, 1 / 16]
    assert shares[-1] == MIN_SHARE


def test_a_good_answer_far_from_the_refused_share_gives_two_percent_back() -> None:
    share = FairShare()
    share.give_way()
    share.recover()
    assert share.now == pytest.approx(0.5 * (1 + RECOVERY))


def test_near_the_share_that_was_refused_it_grows_slower_and_after_a_second_refusal_there_slower_still() -> None:
    share = FairShare()
    share.give_way()
    far = good_answers_until(share, 0.85)
    near = good_answers_until(share, 0.99)
    assert near > 2 * far

    share.give_way()  # near the one before
    good_answers_until(share, 0.85)
    assert good_answers_until(share, 0.98) > near


def test_however_often_it_is_refused_near_the_same_share_the_growth_there_stays_halved() -> None:
    share = FairShare()
    growths = []
    for _ in range(4):
        share.give_way()
        good_answers_until(share, 0.9)
        before = share.now
        share.recover()
        growths.append(share.now / before - 1)
        good_answers_until(share, 0.99)

    assert growths == pytest.approx([NEAR_RECOVERY, NEAR_RECOVERY / 2, NEAR_RECOVERY / 2, NEAR_RECOVERY / 2])


def test_the_whole_budget_comes_back() -> None:
    share = FairShare()
    for _ in range(5):
        share.give_way()
    assert good_answers_until(share, 1.0) < 1000
    assert share.now == 1
