"""How long a reader waits for a witness, over HTTP: a list that has records has to show one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.retries import MAX_ATTEMPTS
from amocrm_assets.crm.pagination.empty_pages import MAX_EMPTY
from amocrm_assets.crm.pagination.window_reader import WindowReader
from amocrm_assets.days import Window
from amocrm_assets.entities import CONTACTS, LEADS
from amocrm_assets.errors import AmoCrmUnavailable
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, many_leads, running_standin

if TYPE_CHECKING:
    from amocrm_assets_tests.standin.server import Asked

WINDOW = Window(1_700_000_000, 1_700_086_399)


def read(standin: StandIn, lists: tuple[object, ...] = (LEADS.live,)) -> int:
    """The number of records; waiting takes no time."""
    with (
        running_standin(standin),
        AmoCrmClient(
            standin.url, FixedToken(standin.token), requests_per_second=1000, sleep=lambda _: None
        ) as client,
    ):
        return sum(map(len, WindowReader(client, WINDOW, lists).batches()))  # type: ignore[arg-type]


def witnesses(standin: StandIn) -> list[Asked]:
    return [each for each in standin.asked() if each.params["limit"] == ["1"]]


def test_an_account_without_leads_is_believed_after_as_many_requests_as_take_half_a_minute() -> None:
    standin = StandIn(StandInAccount([]))
    assert read(standin) == 0
    assert len(witnesses(standin)) == MAX_EMPTY


def test_an_account_without_contacts_asks_for_one_lead() -> None:
    standin = StandIn(StandInAccount(many_leads(1, 5, WINDOW.from_at, WINDOW.to_at)), contacts=StandInAccount([]))
    assert read(standin, (CONTACTS.live,)) == 0
    assert len(witnesses(standin)) == 1


def test_leads_that_are_gone_from_every_list_are_waited_for_and_then_fail_the_reading() -> None:
    leads = many_leads(1, 400, WINDOW.from_at, WINDOW.to_at)
    standin = StandIn(StandInAccount(leads), Semantics(lists_empty_on=tuple(range(2, 200))))
    with pytest.raises(AmoCrmUnavailable, match="a list of leads without any record, 12 times in a row"):
        read(standin)
    assert len(witnesses(standin)) == MAX_ATTEMPTS
