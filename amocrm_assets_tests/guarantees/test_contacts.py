"""Contacts and companies that nobody touches are never missing in a green day: edits, resets, 5xx, odd accounts.

The accounts are the package's sandbox and the second stand-in, which shares nothing with the package.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.days import day_window
from amocrm_assets.entities import COMPANIES, CONTACTS
from amocrm_assets.orchestration.checks import COMPLETE, reading_results
from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import DAY, leads_of, sandbox_with, source
from amocrm_assets_tests.guarantees.test_standin import READABLE, client_of
from amocrm_assets_tests.guarantees.whole_way import hurried_client
from amocrm_assets_tests.standin import (
    Editor,
    Semantics,
    StandIn,
    StandInAccount,
    contact,
    many_leads,
    running_standin,
)
from amocrm_assets_tests.standin.weather import in_bad_weather

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.guarantees.whole_way import WholeWay

WINDOW = day_window(DAY, source().zone)
STORM = [
    Fault("502", rate=0.1, path="/api/v4/co"),
    Fault("reset", rate=0.1, path="/api/v4/co"),
    Fault("cut", rate=0.1, path="/api/v4/co"),
]
ODD = [
    "as documented",
    "filters ignored",
    "ties in any order",
    "504 for leads with their contacts",
    "numbers as text",
    "all lists are empty at first",
    "all lists are empty for a while",
]


def in_trash(sandbox: Sandbox, entity: Entity, *, count: int) -> None:
    """Delete some records of the day, in the middle of it, and let a day go by."""
    records = getattr(sandbox, entity.name)
    for record_id in sorted(records.stamps())[:count]:
        records.delete(record_id)
    sandbox.clock.advance(86_400)


@pytest.mark.slow
@pytest.mark.rounds(2, 60)
@pytest.mark.parametrize("entity", [CONTACTS, COMPANIES], ids=lambda each: each.name)
def test_contacts_and_companies_are_read_whole_in_a_storm_while_they_are_edited(
    way: WholeWay, entity: Entity, seed: int
) -> None:
    noon = WINDOW.from_at + 43_200
    edits = {"edits_per_answer": 2, "deletions_per_answer": 1}
    with sandbox_with(leads_of(DAY, 1200), subdomain=source().subdomain, frozen_at=noon, seed=seed) as sandbox:
        in_trash(sandbox, entity, count=25)
        sandbox.configure(faults=STORM, **edits)
        way.entity, stood = entity, way.stands(sandbox, DAY)
        assert len(stood) > 250
        with hurried_client(sandbox) as client:
            way.go(client, [DAY])
        way.check_complete(sandbox, DAY, stood=stood)
        assert sum(row["is_deleted"] for row in way.shard(DAY)) >= 25
        assert {each.status for each in sandbox.requests if "/api/v4/co" in each.path} > {200}


def with_leads() -> StandInAccount:
    """Nobody has contacts and no lead."""
    return StandInAccount(many_leads(1, 9, WINDOW.from_at, WINDOW.to_at), subdomain=source().subdomain)


def contacts_of(seed: int) -> StandInAccount:
    there = many_leads(seed, 1200, WINDOW.from_at, WINDOW.to_at, deleted=150, tied=300 * (seed % 2), make=contact)
    before = many_leads(seed + 1, 100, WINDOW.from_at - 86_400, WINDOW.from_at - 1, deleted=20, make=contact)
    contacts = there + [each | {"id": each["id"] + 1_000_000} for each in before]
    Random(seed).shuffle(contacts)
    return StandInAccount(contacts, subdomain=source().subdomain)


@pytest.mark.rounds(1, 30)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("entity", [CONTACTS, COMPANIES], ids=lambda entity: entity.name)
def test_contacts_and_companies_of_the_second_stand_in_are_read_whole(
    way: WholeWay, entity: Entity, name: str, seed: int
) -> None:
    there = contacts_of(seed)
    leads, switches = with_leads(), Semantics(**READABLE[name])
    contacts, companies = (there, None) if entity is CONTACTS else (None, there)
    standin = StandIn(leads, switches, contacts=contacts, companies=companies)
    standin.after_answer = Editor(there, seed)
    way.entity = entity
    with running_standin(in_bad_weather(standin, seed)), client_of(standin) as client:
        way.go(client, [DAY])
    shard = {row["id"]: row["updated_at"] for row in way.shard(DAY)}
    untouched = there.untouched(WINDOW.from_at, WINDOW.to_at)
    assert len(untouched) > 500
    assert {each for each, at in untouched.items() if shard.get(each) != at} == set()


def test_a_trash_of_contacts_that_an_account_does_not_know_is_said(way: WholeWay) -> None:
    contacts = contacts_of(1)
    standin = StandIn(with_leads(), Semantics(only_deleted="ignored"), contacts=contacts)
    way.entity = CONTACTS
    with running_standin(standin), client_of(standin) as client:
        way.go(client, [DAY])
    verdicts = {each.check_name: each for each in reading_results(way.source, way.read, None)}
    assert not verdicts[COMPLETE].passed
    assert "deleted contacts" in str(verdicts[COMPLETE].description)
