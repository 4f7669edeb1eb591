"""The limit: never more than so many in a second, a block for who goes on, others that use it up."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.sandbox import SandboxOptions
from amocrm_assets.sandbox.http.limiter import Limiter

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.sandbox.conftest import Asking

SEVEN = SandboxOptions(block_after=None)


@given(gaps=st.lists(st.floats(0, 1.5), max_size=80), allowed=st.integers(1, 9))
def test_never_are_more_served_in_any_second_and_nobody_is_refused_without_need(
    gaps: list[float], allowed: int
) -> None:
    limiter, options = Limiter(), SandboxOptions(requests_per_second=allowed, block_after=None)
    at = 0.0
    served: list[float] = []
    for gap in gaps:
        at += gap
        in_the_last_second = [each for each in served if each > at - 1.0]
        verdict = limiter.admit(at, options)
        assert (verdict == "served") == (len(in_the_last_second) < allowed)
        if verdict == "served":
            served.append(at)
    for first, last in pairwise(served[::allowed]):
        assert first <= last - 1.0


def test_seven_a_second_evenly_are_served_for_ever() -> None:
    limiter = Limiter()
    assert {limiter.admit(turn / 6.999, SEVEN) for turn in range(1000)} == {"served"}


def verdicts(kind: str, instants: list[float], allowed: int = 7) -> list[str]:
    limiter, options = Limiter(), SandboxOptions(requests_per_second=allowed, limit_kind=kind, block_after=None)
    return [limiter.admit(at, options) for at in instants]


def test_a_fixed_second_begins_anew_with_the_clocks() -> None:
    instants = [10.9] * 7 + [10.99, 11.0] + [11.5] * 7

    assert verdicts("fixed", instants) == ["served"] * 7 + ["refused"] + ["served"] * 7 + ["refused"]


@given(burst=st.integers(1, 9), allowed=st.integers(1, 9), wait=st.integers(1, 20))
def test_a_bucket_takes_its_burst_at_once_and_then_what_has_leaked(burst: int, allowed: int, wait: int) -> None:
    later = 10.0 + wait / allowed
    got = verdicts(f"bucket:{burst}", [10.0] * (burst + 1) + [later] * (burst + 1), allowed)

    assert got[: burst + 1] == ["served"] * burst + ["refused"]
    assert got[burst + 1 :].count("served") == min(wait, burst)


def test_a_bucket_without_burst_refuses_whatever_comes_early() -> None:
    assert verdicts("bucket:1", [0.0, 1 / 7, 2 / 7 - 0.001, 2 / 7, 0.44]) == [
        "served", "served", "refused", "served", "served",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["leaky", "bucket", "bucket:0", "bucket:x"])
def test_an_unknown_kind_of_limit_is_refused_with_those_that_exist(kind: str) -> None:
    with pytest.raises(ValueError, match=r"'sliding', 'fixed' or 'bucket:N'"):
        SandboxOptions(limit_kind=kind)


def test_jitter_delays_when_a_request_counts(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(jitter_seconds=0.2)
    late = []
    for _ in range(8):
        sent_at = time.monotonic()
        asking.leads(limit=1)
        late.append(sandbox.requests[-1].at - sent_at)

    assert max(late) > 0.03


def test_refusals_are_counted(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(requests_per_second=1, limit_kind="bucket:2")
    statuses = [asking.get("/api/v4/account").status_code for _ in range(4)]

    assert statuses.count(429) == sandbox.limiter.refusals >= 1
    assert asking.get("/sandbox/requests").json()["refused"] == sandbox.limiter.refusals


def test_other_integrations_use_up_what_the_account_has() -> None:
    limiter = Limiter()
    options = SandboxOptions(other_integrations_per_second=48)
    assert [limiter.admit(1.0, options) for _ in range(3)] == ["served", "served", "refused"]


def test_who_is_refused_again_and_again_is_blocked_until_somebody_lifts_it() -> None:
    limiter, options = Limiter(), SandboxOptions(block_after=3)
    verdicts = [limiter.admit(1.0, options) for _ in range(12)]
    assert verdicts == ["served"] * 7 + ["refused"] * 3 + ["blocked"] * 2
    assert limiter.admit(9999.0, options) == "blocked"
    limiter.reset()
    assert limiter.admit(9999.0, options) == "served"


def test_who_asks_before_retry_after_has_passed_is_refused_again() -> None:
    limiter, options = Limiter(), SandboxOptions(requests_per_second=1, retry_after=5)
    verdicts = [limiter.admit(at, options) for at in (0.0, 0.5, 4.0, 5.4, 5.5)]
    assert verdicts == ["served", "refused", "refused", "refused", "served"]


def test_a_refusal_is_html_or_json_with_or_without_retry_after(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(requests_per_second=0)
    plain = asking.get("/api/v4/account")
    assert plain.status_code == 429
    assert plain.headers["content-type"].startswith("text/html")
    assert "retry-after" not in plain.headers
    sandbox.configure(refusal="json", retry_after=2)
    response = asking.get("/api/v4/account")
    assert (response.status_code, response.headers["retry-after"], response.json()["retry_after"]) == (429, "2", 2)


def test_the_block_is_a_page_of_the_gateway(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(requests_per_second=0, block_after=1)
    statuses = [asking.get("/api/v4/account").status_code for _ in range(3)]
    assert statuses == [429, 403, 403]
    assert "403 Forbidden" in asking.get("/api/v4/account").text
    assert asking.post("/sandbox/do", {"unblock": True}).status_code == 200
    sandbox.configure(requests_per_second=None)
    assert asking.get("/api/v4/account").status_code == 200


def test_the_log_shows_the_most_requests_in_a_second(asking: Asking, sandbox: Sandbox) -> None:
    for _ in range(12):
        asking.leads(limit=2)
    for number, request in enumerate(sandbox.requests):
        request.at = number / 4
    assert sandbox.requests.most_in_a_second() == 4
    assert [(each.status, each.rows) for each in sandbox.requests.of("/api/v4/leads")] == [(200, 2)] * 12
