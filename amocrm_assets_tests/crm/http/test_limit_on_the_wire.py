"""The real client against both stand-ins, with jitter, under each kind of limit. Speed is for benchmarks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets_tests.accounts import FixedToken, client_of, sandbox_with
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, running_standin

pytestmark = pytest.mark.slow

# Enough for three windows behind the first.
REQUESTS = 28
# Each holds all requests back for a second; a sixth would show that nothing is learnt.
MAX_REFUSALS = 5


def ask(client: AmoCrmClient) -> list[int]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: client.get("/api/v4/account").status, range(REQUESTS)))


@pytest.mark.parametrize("kind", ["sliding", "fixed", "bucket:3", "bucket:7"])
def test_a_client_of_the_sandbox_is_hardly_refused_and_gets_every_answer(kind: str) -> None:
    given: dict[str, Any] = {"requests_per_second": 7, "limit_kind": kind, "jitter_seconds": 0.1}
    with sandbox_with(**given) as sandbox, client_of(sandbox, requests_per_second=7) as client:
        assert ask(client) == [200] * REQUESTS
        assert sandbox.limiter.refusals <= MAX_REFUSALS
        assert client.stats.requests == REQUESTS + sandbox.limiter.refusals


@pytest.mark.parametrize("limit", ["sliding second", "fixed second", "bucket"])
def test_a_client_of_the_second_standin_is_hardly_refused_and_gets_every_answer(limit: Any) -> None:
    semantics = Semantics(limit=limit, jitter_seconds=0.1, latency_seconds=0.05, bucket_burst=3)
    standin = StandIn(StandInAccount([]), semantics)
    with running_standin(standin), AmoCrmClient(standin.url, FixedToken(standin.token)) as client:
        assert ask(client) == [200] * REQUESTS
        assert standin.refused <= MAX_REFUSALS
