"""The first seeds of `make fuzz`, and those that once lost leads in silence or did not end."""

from __future__ import annotations

import pytest

from amocrm_assets_tests.crm.pagination.fuzz import draw, try_reading


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_no_random_oddities_lose_a_lead_in_silence(first: int) -> None:
    assert {try_reading(seed) for seed in range(first, first + 10)} <= {"read", "refused"}


def test_a_seed_draws_the_same_reading_again() -> None:
    assert draw(7)[0] == draw(7)[0] != draw(8)[0]


@pytest.mark.parametrize("seed", [45_208])
def test_a_seed_that_once_lost_leads_in_silence(seed: int) -> None:
    assert try_reading(seed) in {"read", "refused"}
