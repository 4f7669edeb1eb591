"""amoCRM's clock is that of most of its last responses, whatever a few of them say."""

from __future__ import annotations

import time

import pytest

from amocrm_assets.crm.http.server_clock import KEPT_ANSWERS, MIN_ANSWERS, ServerClock


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(time, "time", lambda: 1_000.0)
    return 1_000


def test_before_the_first_response_there_is_no_difference() -> None:
    clock = ServerClock()
    clock.add(None)

    assert clock.difference == 0
    assert not clock.is_known


@pytest.mark.parametrize(
    ("ahead", "difference"), [([60], 60), ([-60], -60), ([60, 7200, 60], 60), ([60, 61], 60), ([1, 2, 9, 9], 2)]
)
def test_the_majority_of_responses_decides(now: int, ahead: list[int], difference: float) -> None:
    clock = ServerClock()
    for seconds in ahead:
        clock.add(now + seconds)

    assert clock.difference == difference
    assert clock.is_known == (len(ahead) >= MIN_ANSWERS)


def test_a_clock_that_was_corrected_is_followed(now: int) -> None:
    clock = ServerClock()
    for seconds in [7200] * 500 + [0] * KEPT_ANSWERS:
        clock.add(now + seconds)

    assert clock.difference == 0
