"""Every status leads to one next step, and every message tells it."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.http import responses
from amocrm_assets.crm.http.responses import (
    MAX_PROBLEM_BYTES,
    RateLimited,
    Response,
    RetryableError,
    Unauthorized,
    raise_for_status,
)
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


@pytest.mark.parametrize("status", [400, 407, 409, 418, 451, 499])
def test_other_refusals_are_not_asked_again(status: int) -> None:
    with pytest.raises(UnexpectedAnswer, match=f": {status}\\."):
        raise_for_status(Response("/x", status, headers={"location": "https://new.amocrm.ru"}))


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
    assert refusal.value.status == 429
    assert "429" in str(refusal.value)


@pytest.mark.parametrize(
    ("response", "error", "fix"),
    [
        (Response("/x", 402), AccountUnpaid, "Pay"),
        (Response("/x", 403, b"<html>", HTML), AccountBlocked, "Send no further requests"),
        (Response("/api/v4/leads", 403, b'{"detail":"no"}'), AccessDenied, "right to see leads"),
        (Response("/api/v4/users/7", 403, b'{"detail":"no"}'), AccessDenied, "right to see users"),
        (Response("/x", 403, b"  <html>"), AccountBlocked, "Send no further requests"),
        (Response("/x", 403, b"", HTML), AccountBlocked, "Send no further requests"),
        (Response("/x", 304), UnexpectedAnswer, "304"),
        (Response("/x", 300, headers={"location": "https://new.amocrm.ru"}), SettingsError, "base_url"),
        (Response("/x", 399, headers={"location": "https://new.amocrm.ru"}), SettingsError, "base_url"),
        (Response("/x", 299, headers={"location": "https://new.amocrm.ru"}), UnexpectedAnswer, "report"),
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


@pytest.mark.parametrize("rest", ["", "/", "/api", "/api?token=abc", "?token=abc", "/abc/d?e=f/g"])
def test_a_redirect_names_the_new_address_without_what_follows_its_host(rest: str) -> None:
    response = Response("/x", 302, headers={"location": f"https://new.kommo.com{rest}"})

    with pytest.raises(ActionRequired, match=r"another address: https://new\.kommo\.com\. "):
        raise_for_status(response)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"detail": "no right", "title": "Forbidden"}', "403, not allowed (no right)."),
        (b'{"title": "Forbidden"}', "403, not allowed (Forbidden)."),
        (b'{"detail": "%s"}' % (b"x" * 300), f"403, not allowed ({'x' * 200})."),
        (b'{"detail": ""}', "403, not allowed."),
        (b"{}", "403, not allowed."),
        (b'["detail"]', "403, not allowed."),
        (b"not JSON", "403, not allowed."),
        (b"[" * 100_000, "403, not allowed."),
        (b'{"detail": "no right"}'.ljust(MAX_PROBLEM_BYTES), "403, not allowed (no right)."),
        (b'{"detail": "no right"}'.ljust(MAX_PROBLEM_BYTES + 1), "403, not allowed."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_error_quotes_the_beginning_of_what_amocrm_says_about_it(body: bytes, shown: str) -> None:
    with pytest.raises(AccessDenied) as stop:
        raise_for_status(Response("/api/v4/leads", 403, body))

    assert shown in str(stop.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": 1', b"\xff"])
def test_a_body_that_is_no_json_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(RetryableError, match="200 with a body that is not JSON") as broken:
        Response("/x", 200, body).json()

    assert broken.value.status == 200


def test_json_that_is_nested_too_deeply_is_not_asked_for_again() -> None:
    with pytest.raises(UnexpectedAnswer, match="nested too deeply"):
        Response("/x", 200, b"[" * 100_000 + b"]" * 100_000).json()


@pytest.mark.parametrize(
    ("body", "is_read"), [(b"[1,[{}]]", True), (b"[1,[{}],1]", False), (b"[[[[[]]]]]", False)]
)
def test_json_is_decoded_up_to_a_number_of_values(
    monkeypatch: pytest.MonkeyPatch, body: bytes, *, is_read: bool
) -> None:
    monkeypatch.setattr(responses, "MAX_JSON_VALUES", 4)
    if is_read:
        assert Response("/x", 200, body).json() == [1, [{}]]
    else:
        with pytest.raises(UnexpectedAnswer, match="more than 4 values"):
            Response("/x", 200, body).json()


def test_the_servers_clock_is_read_from_its_date() -> None:
    response = Response("/x", 200, headers={"date": "Thu, 01 Jan 2026 00:00:10 GMT"})

    assert response.sent_at == 1_767_225_610
    assert Response("/x", 200).sent_at is None
    assert Response("/x", 200, headers={"date": "soon"}).sent_at is None
