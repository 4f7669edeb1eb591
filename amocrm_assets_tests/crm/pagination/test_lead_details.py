"""What hangs on a lead is read with it, and no lead is lost where an account does not give it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.pagination.window_reader import WindowReader
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, many_leads, running_standin

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.findings import Finding

FROM, TO = 1_780_000_000, 1_780_086_399
HASTE = 100
PROPERTIES = {"source_id", "is_price_modified_by_robot"}


def read(**switches: Any) -> tuple[list[dict[str, Any]], tuple[Finding, ...], StandIn]:
    """All leads of a day with 600 live and 40 deleted ones, what was found, and the account that was asked."""
    account = StandInAccount(many_leads(1, 640, FROM, TO, deleted=40))
    standin = StandIn(account, Semantics(**switches))
    with (
        running_standin(standin),
        AmoCrmClient(
            standin.url,
            FixedToken(standin.token),
            requests_per_second=1000,
            sleep=lambda seconds: time.sleep(seconds / HASTE),
            clock=lambda: time.monotonic() * HASTE,
        ) as client,
    ):
        reading = WindowReader(client, Window(FROM, TO), LEADS.lists(with_deleted=True))
        leads = [json.loads(lead.line) for part in reading.batches() for lead in part]
        assert {lead["id"] for lead in leads} == {lead["id"] for lead in account.leads}
        return leads, reading.progress.findings, standin


def test_live_leads_come_with_everything_that_hangs_on_them() -> None:
    leads, findings, _ = read()
    live = [lead for lead in leads if not lead["is_deleted"]]
    assert len(live) == 600
    assert all(
        set(lead["_embedded"]) >= {"contacts", "loss_reason", "source", "catalog_elements"} for lead in live
    )
    assert all(set(lead) >= PROPERTIES for lead in live)
    assert not findings


@pytest.mark.parametrize("details", ["504", "400"])
def test_an_account_that_refuses_them_is_read_without_and_said_to_be(details: str) -> None:
    leads, findings, _ = read(details=details)
    assert not any("contacts" in lead["_embedded"] for lead in leads if not lead["is_deleted"])
    (finding,) = findings
    assert (finding.record_list, finding.kind, finding.may_miss) == (LEADS.live, "details_left_out", False)


def test_pages_that_are_only_too_large_keep_what_hangs_on_the_leads() -> None:
    leads, findings, _ = read(gateway_timeout_above=60)
    assert all("contacts" in lead["_embedded"] for lead in leads if not lead["is_deleted"])
    assert not findings


def test_an_account_that_answers_nothing_still_stops_the_reading() -> None:
    with pytest.raises(AmoCrmUnavailable):
        read(gateway_timeout_above=1)
