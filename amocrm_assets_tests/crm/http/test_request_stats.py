"""What the metadata of an asset says about its requests."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.http.request_stats import RequestStats


def test_before_the_first_response_there_is_no_rate() -> None:
    stats = RequestStats()
    assert (stats.requests, stats.received_bytes, stats.retry_after_count) == (0, 0, 0)
    assert stats.requests_per_second == 0
    stats.count_sent(100.0)
    assert stats.requests_per_second == 0
    stats.count_received(10, 100.0)
    assert stats.requests_per_second == 0


def test_the_rate_is_that_of_requests_from_the_first_one_to_the_last_response() -> None:
    stats = RequestStats()
    for at in (100.0, 101.0, 102.0):
        stats.count_sent(at)
        stats.count_received(10, at + 0.5)

    assert stats.requests_per_second == pytest.approx(3 / 2.5)
    assert stats.received_bytes == 30


def test_the_rate_begins_anew_after_an_idle_time() -> None:
    stats = RequestStats()
    stats.count_sent(100.0)
    stats.count_received(10, 101.0)
    stats.restart_rate()
    assert stats.requests_per_second == 0

    for at in (500.0, 501.0):
        stats.count_sent(at)
        stats.count_received(10, at + 1)
    assert stats.requests_per_second == pytest.approx(2 / 2)
    assert (stats.requests, stats.received_bytes) == (3, 30)


def test_retries_are_counted_by_their_reason_and_those_after_a_retry_after() -> None:
    stats = RequestStats()
    stats.count_retry("502")
    stats.count_retry("429", had_retry_after=True)
    stats.count_retry("429")

    assert stats.retries == {"502": 1, "429": 2}
    assert stats.retry_after_count == 1
