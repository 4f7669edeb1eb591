"""Slow accounts are read, and a slow hour does not slow down the hours after it."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.http.timeouts import MAX_EXCHANGE_SECONDS, MAX_READ_SECONDS, AnswerTimeout


def test_the_timeout_doubles_after_an_answer_that_did_not_come_up_to_a_bound() -> None:
    timeout = AnswerTimeout(30)
    seen = []
    for _ in range(4):
        timeout.grow(timeout.read_seconds)
        seen.append(timeout.read_seconds)

    assert seen == [60, 120, MAX_READ_SECONDS, MAX_READ_SECONDS]
    assert timeout.exchange_seconds == MAX_EXCHANGE_SECONDS


def test_requests_that_ran_side_by_side_double_it_once() -> None:
    timeout = AnswerTimeout(30)
    for _ in range(32):
        timeout.grow(30)

    assert timeout.read_seconds == 60


def test_quick_answers_shrink_it_back_and_slow_ones_do_not() -> None:
    timeout = AnswerTimeout(30)
    timeout.grow(30)
    for _ in range(50):
        timeout.note_answer(40)
    assert timeout.read_seconds == 60

    for _ in range(50):
        timeout.note_answer(1)
    assert timeout.read_seconds == 30


@pytest.mark.parametrize(("seconds", "shrinks"), [(14.9, True), (15.0, False), (15.1, False)])
def test_an_answer_that_took_less_than_a_quarter_of_the_timeout_shrinks_it_by_a_tenth(
    seconds: float, *, shrinks: bool
) -> None:
    timeout = AnswerTimeout(30)
    timeout.grow(30)
    timeout.note_answer(seconds)

    assert timeout.read_seconds == (54 if shrinks else 60)
