"""Events notice leads that the list of leads withheld, and an honest account agrees, edited while it is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
import pytest

from amocrm_assets.captures import CaptureWriter, captures_by_day, open_capture
from amocrm_assets.capturing import capture_days
from amocrm_assets.days import day_window
from amocrm_assets.entities import AGREEMENT, EVENTS, LEADS
from amocrm_assets.orchestration.agreement import agreement_result
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.agreement import DayAgreement, agreement_of_days, days_to_compare
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import DAY, NEXT_DAY, client_of, source
from amocrm_assets_tests.rows.latest_table.tables import day, seconds
from amocrm_assets_tests.rows.stages import tables as stages
from amocrm_assets_tests.standin import Semantics, StandIn, StandInAccount, many_leads, running_standin

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.storage import Storage

BY = source(import_events=True)
WINDOW, NEXT = (day_window(each, BY.zone) for each in (DAY, NEXT_DAY))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def bring(storage: Storage, standin: StandIn, on: date) -> None:
    """Read a day half an hour after its end, people editing meanwhile, and make its rows."""
    midnight = day_window(on, BY.zone).to_at + 1
    touched = standin.account.touched
    # Nobody twice: whoever is edited after each midnight and before each reading is in no capture indeed.
    chosen = [
        each for each in standin.account.leads if each["updated_at"] < midnight and each["id"] not in touched
    ]
    edited = iter(chosen[::3])

    def somebody_edits() -> None:
        if lead := next(edited, None):
            standin.account.edit(lead, midnight + 60)

    standin.after_answer = somebody_edits
    for entity in (LEADS, EVENTS):
        with running_standin(standin), client_of(standin) as client:
            assert len(list(capture_days(entity, BY, [on], client=client, storage=storage))) == 1
        for found in captures_by_day(entity, storage, BY.subdomain)[on]:
            with open_capture(entity, storage, found.name) as capture:
                read_at = datetime.fromtimestamp(midnight + 1800, UTC)
                writer = CaptureWriter(entity, storage, replace(capture.header, captured_at=read_at))
                writer.add(capture.records)
            storage.delete(found.name)
            writer.publish()
        write_rows(entity, storage, BY, on)


def account() -> StandInAccount:
    """Leads of a day, each with an event that certainly changed it, and events of the next day."""
    leads = many_leads(7, 400, WINDOW.from_at, WINDOW.to_at, deleted=20)
    events = [
        stages.moved(number, each["id"], each["updated_at"], 21, 22) for number, each in enumerate(leads) if each
    ]
    known = [
        {**stages.moved(9000, leads[0]["id"], NEXT.from_at + 5000, 22, 23), "account_id": leads[0]["account_id"]}
    ]
    for each in events:
        each["account_id"] = leads[0]["account_id"]
    return StandInAccount(leads, subdomain=BY.subdomain, events=[*events, *known])


@pytest.mark.slow
def test_an_honest_account_agrees_with_edits_while_it_is_read_once_the_next_day_is_there(storage: Storage) -> None:
    standin = StandIn(account(), Semantics())
    bring(storage, standin, DAY)
    found = agreement_of_days(storage, BY, [DAY])
    assert found == {DAY: DayAgreement(is_waiting=True)}
    assert agreement_result(found).passed
    bring(storage, standin, NEXT_DAY)
    found = agreement_of_days(storage, BY, [DAY, NEXT_DAY])
    assert found[DAY] == DayAgreement()
    assert agreement_result(found).passed


@pytest.mark.slow
def test_a_lead_that_the_list_withheld_is_named_with_its_events(storage: Storage) -> None:
    standin = StandIn(account(), Semantics())
    withheld = standin.account.leads.pop()
    for each in (DAY, NEXT_DAY):
        bring(storage, standin, each)
    found = agreement_of_days(storage, BY, [DAY, NEXT_DAY])
    assert found[DAY].missing == {withheld["id"]: {"lead_status_changed"}}
    verdict = agreement_result(found)
    assert not verdict.passed
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    assert str(withheld["id"]) in str(verdict.description)
    assert "Materialise `raw_leads`" in str(verdict.description)
    assert verdict.metadata["events"].value == "lead_status_changed: 1"
    # The list has it again, and the day is read once more.
    standin.account.leads.append(withheld)
    bring(storage, standin, DAY)
    assert agreement_result(agreement_of_days(storage, BY, [DAY, NEXT_DAY])).passed


def compared(storage: Storage, *events: dict[str, Any], leads: tuple[int, ...] = (1,)) -> DayAgreement:
    """The first of three days, of which these leads were captured."""
    by = stages.settings()
    made = [stages.state(each, seconds(0), 21, made_at=seconds(0)) for each in leads]
    stages.write_leads(storage, {0: made, 1: [], 2: []}, by)
    stages.write_events(storage, {0: list(events), 1: [], 2: []}, by)
    return agreement_of_days(storage, by, [day(0)])[day(0)]


def test_events_that_may_leave_a_lead_as_it_is_make_a_warning_and_others_say_nothing(storage: Storage) -> None:
    at = seconds(0)
    found = compared(
        storage,
        stages.event(1, "lead_added", 2, at),
        stages.event(2, "entity_tag_added", 3, at),
        stages.event(3, "entity_linked", 4, at),
        stages.event(4, "lead_status_changed", 5, at, entity_type="contact"),
    )
    assert found == DayAgreement(doubtful={2: {"lead_added"}, 3: {"entity_tag_added"}})
    verdict = agreement_result({day(0): found})
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_deleted_lead_that_is_in_no_trash_makes_a_warning_with_its_id(storage: Storage) -> None:
    happened = [
        stages.moved(1, 2, seconds(0), 21, 22),
        stages.event(2, "lead_deleted", 2, seconds(0, 13)),
        stages.event(3, "lead_deleted", 1, seconds(0, 13)),
    ]
    found = compared(storage, *happened)
    assert found == DayAgreement(doubtful={2: {"lead_deleted"}}, deleted=1)
    verdict = agreement_result({day(0): found})
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "Deleted leads may have been purged" in str(verdict.description)
    assert verdict.metadata["deleted_since"].value == 1
    # Without `import_deleted` nobody reads the trash.
    by = stages.settings(import_deleted=False)
    assert agreement_of_days(storage, by, [day(0)])[day(0)] == DayAgreement(deleted=1)
    merge = stages.event(4, "entity_merged", 2, seconds(0))
    assert compared(storage, *happened, merge) == DayAgreement(deleted=1)


def test_a_lead_that_was_deleted_on_a_later_day_is_counted_for_the_days_before(storage: Storage) -> None:
    by = stages.settings()
    moved, deleted = stages.moved(1, 2, seconds(0), 21, 22), stages.event(2, "lead_deleted", 2, seconds(1))
    stages.write_events(storage, {0: [moved], 1: [deleted]}, by)
    stages.write_leads(storage, {0: [], 1: []}, by)
    found = agreement_of_days(storage, by, [day(0), day(1)])
    assert found[day(0)] == DayAgreement(deleted=1)


@pytest.mark.parametrize("only_deleted", ["known", "empty"])
def test_a_trash_that_shows_nothing_is_noticed_by_its_events(
    storage: Storage, only_deleted: Literal["known", "empty"]
) -> None:
    there = account()
    trash = [each for each in there.leads if each["is_deleted"]]
    there.events = [
        {
            **stages.event(7000 + number, "lead_deleted", each["id"], each["updated_at"]),
            "account_id": each["account_id"],
        }
        for number, each in enumerate(trash)
    ]
    standin = StandIn(there, Semantics(only_deleted=only_deleted))
    for each in (DAY, NEXT_DAY):
        bring(storage, standin, each)
    found = agreement_of_days(storage, BY, [DAY, NEXT_DAY])
    missing = {each["id"] for each in trash} if only_deleted == "empty" else set()
    assert found[DAY].doubtful.keys() == missing
    assert agreement_result(found).passed == (not missing)
    assert len(trash) == 20


def test_as_many_leads_as_were_merged_are_doubtful(storage: Storage) -> None:
    moves = [stages.moved(number, number, seconds(0), 21, 22) for number in (2, 3)]
    merge = stages.event(9, "entity_merged", 1, seconds(0))
    found = compared(storage, moves[0], merge)
    assert found == DayAgreement(doubtful={2: {"lead_status_changed"}})
    assert compared(storage, *moves, merge).missing.keys() == {2, 3}


def test_a_lead_of_a_later_day_is_found_and_one_of_an_earlier_day_is_not(storage: Storage) -> None:
    by = stages.settings()
    moved = [stages.moved(number, number, seconds(1), 21, 22) for number in (1, 2)]
    stages.write_events(storage, {0: [], 1: moved, 2: [], 3: []}, by)
    older, later = (stages.state(each, seconds(each * 2 - 2), 22, made_at=seconds(0)) for each in (1, 2))
    stages.write_leads(storage, {0: [older], 1: [], 2: [later], 3: []}, by)
    assert agreement_of_days(storage, by, [day(1)])[day(1)].missing.keys() == {1}


def test_a_day_waits_for_every_day_up_to_its_reading(storage: Storage) -> None:
    by = stages.settings()
    stages.write_events(storage, {0: [stages.moved(1, 1, seconds(0), 21, 22)]}, by)
    stages.write_leads(storage, {0: [], 1: []}, by)
    assert agreement_of_days(storage, by, [day(0)])[day(0)].is_waiting
    stages.write_events(storage, {1: []}, by)
    found = agreement_of_days(storage, by, [day(0)])[day(0)]
    assert (set(found.missing), found.is_waiting) == ({1}, False)
    assert agreement_of_days(storage, by, [day(0) - timedelta(days=9)]) == {}
    assert AGREEMENT.certain.isdisjoint(AGREEMENT.uncertain)


def test_the_days_of_a_backfill_are_compared_once_the_day_of_their_reading_is_over(storage: Storage) -> None:
    by = stages.settings()
    for number, days_later in ((0, 20), (1, 19)):
        for write in (stages.write_leads, stages.write_events):
            write(storage, {number: []}, by, reading=24 * days_later)
    assert days_to_compare(storage, by, day(14), day(21)) == [day(0), day(1)]
    assert days_to_compare(storage, by, day(21), day(28)) == [day(0), day(1)]
    assert days_to_compare(storage, by, day(13), day(20)) == []
    assert days_to_compare(storage, by, day(22), day(28)) == []
    assert days_to_compare(storage, by, day(1), day(3)) == [day(1)]
