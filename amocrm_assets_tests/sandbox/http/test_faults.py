"""Everything that can go wrong on request, as a plain client meets it."""

from __future__ import annotations

import gzip
import socket
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from amocrm_assets.sandbox import Fault, Sandbox
from amocrm_assets.sandbox.http.faults import FaultDice
from amocrm_assets_tests.sandbox.conftest import NOON, quiet

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import FaultKind
    from amocrm_assets_tests.sandbox.conftest import Asking


def raw_answer(sandbox: Sandbox, path: str = "/api/v4/leads", accept: str = "identity") -> bytes:
    """Every byte that comes before the end of the connection; raises `ConnectionResetError` on a reset."""
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: {accept}\r\n"
            f"Authorization: Bearer {sandbox.token}\r\n\r\n".encode()
        )
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def stated_length(head: bytes) -> int:
    [line] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(line.split(b":")[1])


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("429-html", 429, "text/html"),
        ("429-json", 429, "application/problem+json"),
        ("500", 500, "text/html"),
        ("502", 502, "text/html"),
        ("503", 503, "text/html"),
        ("504", 504, "text/html"),
        ("401", 401, "application/problem+json"),
        ("402", 402, "application/problem+json"),
        ("403-html", 403, "text/html"),
        ("403-json", 403, "application/problem+json"),
        ("html-200", 200, "text/html"),
        ("empty-200", 200, "application/hal+json"),
        ("redirect", 302, ""),
        ("204", 204, ""),
    ],
)
def test_the_gateway_answers_instead_of_the_account(
    asking: Asking, sandbox: Sandbox, kind: FaultKind, status: int, content_type: str
) -> None:
    sandbox.configure(faults=[Fault(kind, times=1)])
    response = asking.get("/api/v4/leads", allow_redirects=False)
    assert response.status_code == status
    assert response.headers.get("content-type", "").startswith(content_type)
    if kind in ("empty-200", "204"):
        assert response.content == b""
    assert asking.get("/api/v4/leads").status_code == 200
    assert [each.fault for each in sandbox.requests] == [kind, None]


def test_a_connection_is_reset_before_the_answer(sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("reset", times=1)])
    with pytest.raises(ConnectionResetError):
        raw_answer(sandbox)
    assert raw_answer(sandbox).startswith(b"HTTP/1.1 200")


def test_a_connection_is_reset_in_the_middle_of_a_body(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("reset-midway", times=1)])
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        asking.get("/api/v4/leads", params={"limit": 250})
    assert asking.get("/api/v4/leads").status_code == 200


def test_a_cut_body_may_state_its_own_length(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("cut")])
    response = asking.get("/api/v4/leads")
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    head, _, body = raw_answer(sandbox).partition(b"\r\n\r\n")
    assert stated_length(head) == len(body)


def test_a_cut_body_may_state_the_whole_length(sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("cut-short")])
    head, _, body = raw_answer(sandbox).partition(b"\r\n\r\n")
    assert 0 < len(body) < stated_length(head)


def test_answers_are_compressed_for_who_accepts_it(asking: Asking, sandbox: Sandbox) -> None:
    assert asking.get("/api/v4/leads").headers["content-encoding"] == "gzip"
    head, _, body = raw_answer(sandbox, accept="gzip").partition(b"\r\n\r\n")
    assert stated_length(head) == len(body)
    assert gzip.decompress(body) == raw_answer(sandbox).partition(b"\r\n\r\n")[2].replace(
        b"http://x/", b"http://x/"
    )
    sandbox.configure(gzip=False)
    assert "content-encoding" not in asking.get("/api/v4/leads").headers


@pytest.mark.parametrize("kind", ["damaged-gzip", "cut-gzip"])
def test_compressed_bytes_may_be_damaged_or_end_too_early(sandbox: Sandbox, kind: FaultKind) -> None:
    sandbox.configure(faults=[Fault(kind)])
    head, _, body = raw_answer(sandbox, accept="gzip").partition(b"\r\n\r\n")
    assert stated_length(head) == len(body)
    with pytest.raises((EOFError, OSError, zlib.error)):
        gzip.decompress(body)


def test_an_answer_may_take_longer_than_anybody_waits(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("hang", seconds=3600, times=1)])
    with requests.Session() as session, pytest.raises(requests.ReadTimeout):
        session.get(sandbox.url + "/api/v4/leads", timeout=0.1)
    assert asking.get("/api/v4/leads").status_code == 200


def test_answers_take_their_time(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(latency_seconds=0.1, latency_jitter_seconds=0.02)
    assert asking.get("/api/v4/account").elapsed.total_seconds() >= 0.1


def spoiled(asking: Asking, sandbox: Sandbox, kind: FaultKind) -> list[dict[str, Any]]:
    sandbox.configure(faults=[Fault(kind)])
    return asking.leads(limit=250)


def test_rows_may_be_without_id_or_have_ids_of_text(asking: Asking, sandbox: Sandbox) -> None:
    assert sum("id" not in row for row in spoiled(asking, sandbox, "row-without-id")) == 1
    assert {type(row["id"]) for row in spoiled(asking, sandbox, "ids-as-strings")} == {str}


def test_a_row_may_lie_outside_the_window(asking: Asking, sandbox: Sandbox) -> None:
    assert sum(row["updated_at"] < NOON - 90_000 for row in spoiled(asking, sandbox, "row-outside-window")) == 1


def test_a_lead_may_come_twice_with_different_content(asking: Asking, sandbox: Sandbox) -> None:
    rows = spoiled(asking, sandbox, "row-twice")
    [twin] = [row for row in rows if row["name"] == "the same lead once more"]
    assert len([row for row in rows if row["id"] == twin["id"]]) == 2


def test_texts_may_be_huge_or_hold_what_no_text_should(asking: Asking, sandbox: Sandbox) -> None:
    assert max(len(row["name"]) for row in spoiled(asking, sandbox, "huge-text")) == 1 << 20
    assert any("\ud83d" in row["name"] for row in spoiled(asking, sandbox, "lone-surrogate"))
    assert any("\x00" in row["name"] for row in spoiled(asking, sandbox, "nul"))


def test_a_lead_may_have_ten_thousand_fields(asking: Asking, sandbox: Sandbox) -> None:
    rows = spoiled(asking, sandbox, "many-fields")
    assert max(len(row["custom_fields_values"] or ()) for row in rows) == 10_000


def test_a_key_may_be_repeated(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("repeated-key")])
    assert asking.page().text.count('"name":"of an earlier key","name":') == 1


def test_the_next_page_may_be_said_to_lie_elsewhere(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("next-elsewhere")])
    assert urlsplit(asking.page().json()["_links"]["next"]["href"]).hostname == "elsewhere.example"


def test_a_test_may_rewrite_any_body(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.rewrite = lambda body: body.replace(b'"id":', b'"id":1e400,"was":')
    assert asking.page().json()["_embedded"]["leads"][0]["id"] == float("inf")


def test_a_fault_may_strike_only_later_pages(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("204", page_from=2)])
    assert [asking.page(page=page).status_code for page in (1, 2)] == [200, 204]


def test_a_fault_is_bound_by_path_by_number_and_by_a_beginning(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(faults=[Fault("502", path="/api/v4/leads")])
    assert asking.get("/api/v4/account").status_code == 200
    for _ in range(2):
        sandbox.configure(faults=[Fault("502", path="/api/v4/leads", times=2, after=1)])
        assert [asking.page().status_code for _ in range(5)] == [200, 502, 502, 200, 200]


def test_the_seed_decides_which_requests_are_hit() -> None:
    def hits(seed: int) -> list[bool]:
        dice = FaultDice(seed)
        return [
            dice.throw((Fault("500", rate=0.2),), path="/api/v4/leads", page=1) is not None for _ in range(500)
        ]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 60 < sum(hits(1)) < 140


def test_errors_carry_a_request_id_and_the_date_of_the_sandbox(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.reset(quiet(frozen_at=float(NOON), clock_offset_seconds=300.0, faults=(Fault("502", times=1),)))
    for _ in range(2):
        response = asking.get("/api/v4/account")
        assert response.headers["x-request-id"]
        assert response.headers["date"] == "Thu, 01 Jan 2026 09:05:00 GMT"


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        Fault("flood")  # type: ignore[arg-type]
