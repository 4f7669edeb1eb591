"""Every status leads to one next step, and every message tells it."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.http.responses import RateLimited, Response, RetryableError, Unauthorized, raise_for_status
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AccountUnpaid,
    ActionRequired,
    AmoCrmAssetsError,
    SettingsError,
    UnexpectedAnswer,
)

HTML = {"content-type": "text/html"}


@pytest.mark.parametrize("status", [200, 204])
def test_good_answers_pass(status: int) -> None:
    raise_for_status(Response("/x", status))


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_failures_of_the_server_are_asked_again(status: int) -> None:
    with pytest.raises(RetryableError, match=str(status)):
        raise_for_status(Response("/x", status, b"<html>"))


def test_a_refused_token_is_told_apart_from_a_refused_right() -> None:
    with pytest.raises(Unauthorized):
        raise_for_status(Response("/x", 401))


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"retry-after": "3"}, b"", 3.0),
        ({}, b'{"retry_after": 300}', 300.0),
        ({"retry-after": "86400"}, b"", 600.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:18 GMT"}, b"", 42.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, b"", 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", None),
        ({"retry-after": "tomorrow", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, b"", None),
        (HTML, b"<html>429</html>", None),
        ({}, b"[]", None),
    ],
)
def test_the_wait_that_amocrm_wants_is_found(headers: dict[str, str], body: bytes, wait: float | None) -> None:
    with pytest.raises(RateLimited) as refusal:
        raise_for_status(Response("/x", 429, body, headers))

    assert refusal.value.wait_seconds == wait


@pytest.mark.parametrize(
    ("response", "error", "fix"),
    [
        (Response("/x", 402), AccountUnpaid, "Pay"),
        (Response("/x", 403, b"<html>", HTML), AccountBlocked, "Send no further requests"),
        (Response("/api/v4/leads", 403, b'{"detail":"no"}'), AccessDenied, "right to see leads"),
        (Response("/api/v4/users/7", 403, b'{"detail":"no"}'), AccessDenied, "right to see users"),
        (Response("/x", 304), UnexpectedAnswer, "304"),
        (Response("/x", 301, headers={"location": "https://new.amocrm.ru/x?s=1"}), SettingsError, "base_url"),
        (Response("/x", 404, b'{"detail":"Cannot GET"}'), UnexpectedAnswer, "base_url"),
        (Response("/x", 400), UnexpectedAnswer, "report"),
    ],
)
def test_what_needs_a_person_stops_with_its_fix(
    response: Response, error: type[AmoCrmAssetsError], fix: str
) -> None:
    with pytest.raises(error, match=fix) as stop:
        raise_for_status(response)

    assert stop.value.facts["status"] == response.status
    assert str(response.status) in str(stop.value)


def test_a_redirect_names_the_new_address_without_its_query() -> None:
    response = Response("/x", 302, headers={"location": "https://new.kommo.com/api?token=abc"})

    with pytest.raises(ActionRequired, match=r"https://new\.kommo\.com") as stop:
        raise_for_status(response)

    assert "abc" not in str(stop.value)


def test_the_servers_clock_is_read_from_its_date() -> None:
    response = Response("/x", 200, headers={"date": "Thu, 01 Jan 2026 00:00:10 GMT"})

    assert response.sent_at == 1_767_225_610
    assert Response("/x", 200).sent_at is None
    assert Response("/x", 200, headers={"date": "soon"}).sent_at is None
