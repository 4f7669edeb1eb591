"""A day is kept only when both clocks say that it was over, and only from the account of the captures before."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.captures import CaptureHeader, CaptureWriter, captures_of_day, days_with_capture
from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.account import Account
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.responses import Response
from amocrm_assets.crm.http.server_clock import KEPT_ANSWERS, MIN_ANSWERS, ServerClock
from amocrm_assets.days import Window, day_window
from amocrm_assets.entities import CONTACTS, EVENTS, LEADS
from amocrm_assets.errors import CapturesMixed, DayNotOver, NotAuthorised
from amocrm_assets.reading_rules import SETTLING_SECONDS, UNCONFIRMED_SECONDS, EarlierCaptures, require_over
from amocrm_assets_tests.accounts import DAY, NEXT_DAY, FixedToken, client_of, leads_of, sandbox_with, source
from amocrm_assets_tests.standin import (
    Semantics,
    StandIn,
    StandInAccount,
    contact,
    lead,
    many_events,
    many_leads,
    running_standin,
)

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.entities import Entity
    from amocrm_assets.storage import Storage

WINDOW = day_window(DAY, source().zone)
OVER_AT = WINDOW.to_at + 1 + SETTLING_SECONDS


def clock_of(*ahead_seconds: float) -> ServerClock:
    """amoCRM's clock, that so many answers put so far ahead of ours."""
    clock = ServerClock()
    for ahead in ahead_seconds:
        clock.add(int(time.time() + ahead))
    return clock


def require(clock: ServerClock, *, ours: float, last: bool = True, window: Window = WINDOW) -> None:
    require_over(source(), DAY, window, datetime.fromtimestamp(ours, UTC), clock, last=last)


def test_a_day_is_over_when_both_clocks_say_so() -> None:
    require(clock_of(*[2] * MIN_ANSWERS), ours=OVER_AT + 5)
    with pytest.raises(DayNotOver):
        require(clock_of(*[-20] * MIN_ANSWERS), ours=OVER_AT + 5)
    with pytest.raises(DayNotOver):
        require(clock_of(*[3600] * MIN_ANSWERS), ours=OVER_AT - 5)


@pytest.mark.parametrize("wild", [86_400 * 400, -86_400 * 400])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_one_answer_with_a_wild_date_decides_nothing(wild: int, place: int) -> None:
    differences = [0.0] * 4
    differences[place] = wild
    require(clock_of(*differences), ours=OVER_AT + 5)
    with pytest.raises(DayNotOver):
        require(clock_of(*[each - 3600 if each == 0 else each for each in differences]), ours=OVER_AT + 5)


def test_a_clock_that_is_put_right_is_followed() -> None:
    assert clock_of(*[500] * KEPT_ANSWERS, *[0] * KEPT_ANSWERS).difference == pytest.approx(0, abs=2)


def test_without_amocrms_clock_a_day_is_read_a_day_later() -> None:
    for offsets in ([], [0] * (MIN_ANSWERS - 1)):
        require(clock_of(*offsets), ours=OVER_AT + UNCONFIRMED_SECONDS + 1)
        with pytest.raises(DayNotOver, match="no usable `Date`"):
            require(clock_of(*offsets), ours=OVER_AT + UNCONFIRMED_SECONDS - 1)
        # More answers may come: amoCRM is not given up before they have.
        require(clock_of(*offsets), ours=OVER_AT + 5, last=False)


def test_the_message_names_both_clocks() -> None:
    with pytest.raises(DayNotOver) as refused:
        require(clock_of(*[-3600] * MIN_ANSWERS), ours=OVER_AT)
    assert "amoCRM's clock was 2026-03-10 20:0" in refused.value.cause
    assert "this machine's 2026-03-10 21:01:00 UTC" in refused.value.cause
    assert refused.value.facts["seconds_missing"] == pytest.approx(3600, abs=2)


@pytest.mark.slow
def test_a_day_whose_end_only_our_clock_has_seen_is_not_kept(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """amoCRM's answers bear no `Date`, and this machine's clock may be hours ahead."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    utc = source(timezone="UTC")
    earlier = yesterday - timedelta(days=1)
    monkeypatch.setattr(Response, "sent_at", None)
    with sandbox_with(leads_of(earlier, 9, days=2)) as sandbox:
        with client_of(sandbox) as client, pytest.raises(DayNotOver, match="no usable `Date`"):
            list(capture_days(LEADS, utc, [yesterday], client=client, storage=storage))
        assert days_with_capture(LEADS, storage, "sandbox") == []
        with client_of(sandbox) as client:
            list(capture_days(LEADS, utc, [earlier], client=client, storage=storage))
    assert days_with_capture(LEADS, storage, "sandbox") == [earlier]


def test_another_accounts_leads_are_never_written(storage: Storage, tmp_path: Path) -> None:
    with (
        sandbox_with(leads_of(DAY, 300), subdomain="other") as sandbox,
        client_of(sandbox) as client,
        pytest.raises(NotAuthorised, match=r"it is of the account other .* not of sandbox"),
    ):
        list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))
    assert not [path for path in (tmp_path / "data" / "captures").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_an_account_of_the_same_name_and_another_id_is_refused_with_both_ids(storage: Storage) -> None:
    for account_id in (31_000_001, 31_000_002):
        with sandbox_with(leads_of(DAY, 20, days=2), account_id=account_id) as sandbox:
            if account_id == 31_000_001:
                with client_of(sandbox) as client:
                    list(capture_days(LEADS, source(), [DAY], client=client, storage=storage))
                (first,) = captures_of_day(LEADS, storage, "sandbox", DAY)
                continue
            for day in (DAY, NEXT_DAY):
                with client_of(sandbox) as client, pytest.raises(CapturesMixed) as refused:
                    list(capture_days(LEADS, source(), [day], client=client, storage=storage))
                assert first.name in refused.value.cause
                assert (
                    refused.value.facts.items()
                    >= {
                        "account_id": 31_000_002,
                        "captured_account_id": 31_000_001,
                    }.items()
                )
    assert captures_of_day(LEADS, storage, "sandbox", DAY) == [first]
    assert days_with_capture(LEADS, storage, "sandbox") == [DAY]


@pytest.mark.parametrize("entity", [LEADS, CONTACTS, EVENTS], ids=lambda each: each.name)
def test_one_record_of_another_account_stops_the_reading(storage: Storage, tmp_path: Path, entity: Entity) -> None:
    """As from a proxy that keeps answers, or a token that was replaced between two pages."""
    leads, contacts = (
        many_leads(seed, 600, WINDOW.from_at, WINDOW.to_at, make=make) for seed, make in ((1, lead), (2, contact))
    )
    events = many_events(3, 300, WINDOW.from_at, WINDOW.to_at)
    records = {"leads": leads, "contacts": contacts, "events": events}[entity.name]
    records[len(records) // 2]["account_id"] = 31_000_002
    account = StandInAccount(leads, subdomain=source().subdomain, events=events)
    standin = StandIn(account, Semantics(), contacts=StandInAccount(contacts, subdomain=account.subdomain))
    with (
        running_standin(standin),
        AmoCrmClient(standin.url, FixedToken(standin.token), requests_per_second=1000) as client,
        pytest.raises(CapturesMixed, match="of the account 31000002, and the requested account has the id"),
    ):
        list(capture_days(entity, source(), [DAY], client=client, storage=storage))
    assert not [path for path in (tmp_path / "data" / "captures").rglob("*") if path.is_file()]


def header(captured_at: datetime, **changed: object) -> CaptureHeader:
    known: dict[str, object] = {
        "subdomain": "sandbox",
        "day": DAY,
        "from_at": WINDOW.from_at,
        "to_at": WINDOW.to_at,
        "timezone": "Europe/Moscow",
        "captured_at": captured_at,
        "account_id": 1,
        "fields": [],
    }
    return CaptureHeader(**known | changed)  # type: ignore[arg-type]


def test_a_damaged_capture_does_not_keep_an_account_from_being_read(storage: Storage) -> None:
    newest = CaptureWriter(LEADS, storage, header(datetime(2026, 3, 12, tzinfo=UTC))).publish()
    CaptureWriter(LEADS, storage, header(datetime(2026, 3, 11, tzinfo=UTC))).publish()
    with storage.as_local_path(newest.name) as path:
        path.write_bytes(b"no gzip")
    earlier = EarlierCaptures(LEADS, storage, source())
    earlier.require_same(Account(1, "A", "sandbox", None, filters_enabled=True, current_user_id=None))
    with pytest.raises(CapturesMixed):
        earlier.require_same(Account(2, "A", "sandbox", None, filters_enabled=True, current_user_id=None))


def test_names_are_in_the_order_of_reading_whatever_the_clock_says(storage: Storage) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    stamped_ahead = CaptureWriter(LEADS, storage, header(ahead, account_id=31_415_926)).publish()
    with sandbox_with(leads_of(DAY, 5), account_id=31_415_926) as sandbox, client_of(sandbox) as client:
        (read,) = capture_days(LEADS, source(), [DAY], client=client, storage=storage)
    found = captures_of_day(LEADS, storage, "sandbox", DAY)
    assert [each.name for each in found] == [stamped_ahead.name, read.capture.name]
    assert found[1].captured_at == ahead + timedelta(microseconds=1)
