"""Whatever goes wrong on the way, a question is answered, or refused with the message that fixes it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import Cancelled
from amocrm_assets.crm.account import read_account, read_custom_fields
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.rate_limit_backoff import REFUSED_DEADLINE_SECONDS
from amocrm_assets.crm.http.retries import MAX_ATTEMPTS
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AccountUnpaid,
    ActionRequired,
    AmoCrmUnavailable,
    NotAuthorised,
    SettingsError,
)
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import FixedToken, FreeTime, client_of, sandbox_with
from amocrm_assets_tests.crm.http.answering import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(extra_custom_fields=300, block_after=None) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(), requests_per_second=None, latency_seconds=0)


def test_the_account_says_who_it_is(sandbox: Sandbox) -> None:
    with client_of(sandbox) as client:
        account = read_account(client)

    assert (account.id, account.subdomain, account.timezone) == (31415926, "sandbox", "Europe/Moscow")
    assert account.filters_enabled is True


@pytest.mark.parametrize("damage", [b"1.5", b"true", b"null", b"{}", b'"text"'])
def test_an_account_whose_id_is_damaged_is_requested_again(sandbox: Sandbox, damage: bytes) -> None:
    """Half of an id would be another account."""
    damaged = iter([True])
    sandbox.rewrite = lambda body: body.replace(b"31415926", damage) if next(damaged, False) else body
    with client_of(sandbox) as client:
        assert read_account(client).id == 31415926
    sandbox.rewrite = None


def test_the_custom_fields_are_read_to_their_last_page(sandbox: Sandbox) -> None:
    with client_of(sandbox) as client:
        fields = read_custom_fields(client, "/api/v4/leads/custom_fields")

    assert len(fields) > 300
    assert len({field["id"] for field in fields}) == len(fields)


@pytest.mark.parametrize(
    "kind",
    [
        "500",
        "502",
        "503",
        "504",
        "reset",
        "reset-midway",
        "cut",
        "cut-short",
        "damaged-gzip",
        "empty-200",
        "html-200",
    ],
)
def test_a_passing_fault_is_asked_again(sandbox: Sandbox, kind: FaultKind) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault(kind, times=3),), gzip=kind == "damaged-gzip")

    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        assert read_account(client).id == 31415926

    sandbox.configure(gzip=False)
    assert client.stats.requests == 4
    assert sum(client.stats.retries.values()) == 3


def test_an_answer_that_does_not_come_is_asked_again(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("hang", times=1, seconds=30),))

    with client_of(sandbox, read_seconds=0.3) as client:
        assert read_account(client).id == 31415926


def test_a_fault_that_stays_ends_after_a_bounded_number_of_tries(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("502"),))

    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable, match=f"502 from the server, {MAX_ATTEMPTS} times") as stop,
    ):
        read_account(client)

    assert client.stats.requests == MAX_ATTEMPTS
    assert stop.value.facts["status"] == 502
    assert free_time.now < 900


def test_nobody_at_the_address_is_said_so() -> None:
    free_time = FreeTime()
    with (
        AmoCrmClient(
            "http://127.0.0.1:9", FixedToken("x"), sleep=free_time.sleep, clock=free_time.clock
        ) as client,
        pytest.raises(AmoCrmUnavailable, match="the connection failed"),
    ):
        read_account(client)


@pytest.mark.parametrize("kind", ["429-html", "429-json"])
def test_a_refusal_slows_the_whole_account_down(sandbox: Sandbox, kind: FaultKind) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault(kind, times=2, retry_after=5),))

    with client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client:
        read_account(client)

    assert free_time.now >= 10
    assert client.stats.retries == {"429": 2}


def test_asking_stops_when_amocrm_keeps_refusing(sandbox: Sandbox) -> None:
    free_time = FreeTime()
    sandbox.configure(faults=(Fault("429-html"),))

    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable, match=f"{sandbox.url}: 429.*Lower requests_per_second") as stop,
    ):
        read_account(client)

    assert stop.value.facts["status"] == 429
    # Further requests get accounts blocked: few requests, over all of the time that there is.
    assert client.stats.requests <= 16
    assert REFUSED_DEADLINE_SECONDS - 240 <= free_time.now <= REFUSED_DEADLINE_SECONDS


@pytest.mark.parametrize(
    ("kind", "error", "fix"),
    [
        ("402", AccountUnpaid, "Pay"),
        ("403-html", AccountBlocked, "Send no further requests"),
        ("403-json", AccessDenied, "right to see the account"),
        ("redirect", SettingsError, "base_url"),
        ("401", NotAuthorised, "amocrm-assets connect"),
    ],
)
def test_what_needs_a_person_is_asked_once(
    sandbox: Sandbox, kind: FaultKind, error: type[ActionRequired], fix: str
) -> None:
    sandbox.configure(faults=(Fault(kind),))

    with client_of(sandbox) as client, pytest.raises(error, match=fix):
        read_account(client)

    assert client.stats.requests == (2 if kind == "401" else 1)


def test_a_refused_token_is_renewed_once_and_the_question_repeated(sandbox: Sandbox) -> None:
    class Renewing(FixedToken):
        def token(self) -> str:
            return "expired"

        def renew(self, refused: str) -> str:
            assert refused == "expired"
            return sandbox.token

    with AmoCrmClient(sandbox.url, Renewing(""), requests_per_second=1000) as client:
        assert read_account(client).id == 31415926

    assert client.stats.requests == 2


def test_cookies_of_a_server_are_never_sent_back() -> None:
    with (
        serving(b"{}", headers={"Set-Cookie": "session=1; Path=/"}) as (url, seen),
        AmoCrmClient(url, FixedToken("x"), requests_per_second=1000) as client,
    ):
        client.get("/api/v4/account")
        client.get("/api/v4/account")

    assert ["Cookie" in headers for headers in seen] == [False, False]


def test_a_closed_client_wakes_those_who_wait(sandbox: Sandbox) -> None:
    ended: list[type[BaseException]] = []

    def ask(client: AmoCrmClient) -> None:
        try:
            read_account(client)
        except Cancelled as end:
            ended.append(type(end))

    sandbox.configure(faults=(Fault("429-html", retry_after=300),))
    client = AmoCrmClient(sandbox.url, FixedToken(sandbox.token))
    waiting = threading.Thread(target=ask, args=(client,))
    waiting.start()
    while client.stats.requests == 0:
        time.sleep(0.01)
    client.close()
    waiting.join(timeout=10)

    assert ended == [Cancelled]


def test_the_servers_clock_is_known_after_an_answer() -> None:
    with sandbox_with(clock_offset_seconds=-300) as late, client_of(late) as client:
        read_account(client)

        assert client.server_clock.difference == pytest.approx(-300, abs=3)


def test_no_error_in_the_chain_holds_the_token(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("reset"),))
    free_time = FreeTime()
    with (
        client_of(sandbox, sleep=free_time.sleep, clock=free_time.clock) as client,
        pytest.raises(AmoCrmUnavailable) as stop,
    ):
        read_account(client)

    error: BaseException | None = stop.value
    while error:
        request = getattr(error, "request", None)
        assert sandbox.token not in repr(error) + str(getattr(request, "headers", ""))
        error = error.__cause__


def test_no_message_holds_the_token(sandbox: Sandbox) -> None:
    sandbox.configure(faults=(Fault("401"),))
    with client_of(sandbox) as client, pytest.raises(NotAuthorised) as stop:
        read_account(client)

    assert sandbox.token not in repr(stop.value) + str(stop.value.facts) + repr(vars(client))
