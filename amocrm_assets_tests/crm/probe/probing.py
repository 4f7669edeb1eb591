"""Probes of a stand-in or a sandbox, for the tests of what they find."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.probe import MAX_REQUESTS, probe_account
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.accounts import FixedToken, source
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, event, many_leads, running_standin

if TYPE_CHECKING:
    from amocrm_assets.crm.probe import ProbeReport

DAY_SECONDS = 86_400
# What is found in any account that behaves as documented.
AS_DOCUMENTED: dict[str, Any] = {
    "page_size": 250,
    "filters_leads": True,
    "filters_deleted": True,
    "from_inclusive": True,
    "to_inclusive": True,
    "only_deleted": "known",
    "order_leads": "honoured",
    "order_deleted": "honoured",
    "extras": ["contacts", "loss_reason", "source", "catalog_elements", "source_id", "is_price_modified_by_robot"],
    "id_order_beside_filter": True,
    "ties_asc": "id asc",
    "above_limit": 50,
    "past_end": "204",
    "links": "right",
    "ids_fit": True,
    "numbers_as_text": False,
    "leads_without_time": 0,
    "deleted_without_time": 0,
    "date_header": True,
    "retry_after": None,
    "limit_counting": None,
    "failures": 0,
}


def account(*, leads: int = 600, deleted: int = 120, tied: int = 12, events: int = 600) -> StandInAccount:
    """Leads of three days that are over, some of them in one second and some in the trash."""
    end = int(time.time()) - 3 * DAY_SECONDS
    made = many_leads(1, leads, end - 3 * DAY_SECONDS, end, deleted=deleted, tied=tied)
    return StandInAccount(
        made, subdomain=source().subdomain, events=[event(number, end - number * 60) for number in range(events)]
    )


def probe_url(
    url: str, token: str, folder: Path, *, requests_per_second: float = 1000, **settings: Any
) -> ProbeReport:
    """A probe of the account behind an address, for a source with these settings."""
    client = AmoCrmClient(
        url,
        FixedToken(token),
        requests_per_second=requests_per_second,
        sleep=lambda seconds: time.sleep(seconds / 25),
        max_requests=MAX_REQUESTS,
    )
    with client:
        return probe_account(source(**settings), client=client, storage=FolderStorage(folder))


def probe_standin(
    folder: Path, there: StandInAccount | None = None, **switches: Any
) -> tuple[ProbeReport, StandIn]:
    """A probe of a stand-in with these switches, and the stand-in with the requests that it got."""
    standin = StandIn(there or account(), Semantics(**switches))
    with running_standin(standin):
        return probe_url(standin.url, standin.token, folder), standin
