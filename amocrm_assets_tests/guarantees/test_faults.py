"""Whatever amoCRM and the network do, a day lands complete and right, or fails, says why, and leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from amocrm_assets.days import day_window
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AccountUnpaid,
    AmoCrmAssetsError,
    AmoCrmUnavailable,
    DayNotOver,
    NotAuthorised,
    ReadingUnproven,
    SettingsError,
)
from amocrm_assets.reading_rules import SETTLING_SECONDS
from amocrm_assets.sandbox import Fault, Population, Sandbox, SandboxOptions
from amocrm_assets.sandbox.options import FaultKind
from amocrm_assets_tests.accounts import DAY, client_of, leads_of, source
from amocrm_assets_tests.guarantees.whole_way import WholeWay, hurried_client

pytestmark = pytest.mark.slow

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
# Faults that a reading must stop at when they stay, with the error that it then ends in. All others are overcome.
STOPPING: dict[str, type[AmoCrmAssetsError]] = {
    "401": NotAuthorised,
    "402": AccountUnpaid,
    "403-html": AccountBlocked,
    "403-json": AccessDenied,
    "redirect": SettingsError,
    # A row that is neither in the window nor in its place: nothing proves such a page.
    "row-outside-window": ReadingUnproven,
    # Refusals in a row for a quarter of an hour, each after a longer wait: another integration may stop.
    "429-html": AmoCrmUnavailable,
    "429-json": AmoCrmUnavailable,
}
PASSING = tuple(kind for kind in KINDS if kind not in STOPPING)
# How long answers are waited for: hardly where some hang, and otherwise for as long as a busy machine may take.
IMPATIENT_SECONDS, PATIENT_SECONDS = 3.0, 120.0
WINDOW = day_window(DAY, source().zone)
TIED = Population(leads=60, updated_from=WINDOW.from_at + 40_000, updated_to=WINDOW.from_at + 40_000)
ACCOUNT: dict[str, Any] = {
    "populations": (leads_of(DAY, 500), leads_of(DAY, 40, deleted=True), TIED, leads_of(DAY.replace(day=20), 50)),
    "requests_per_second": None,
    # Small pages make many requests of few leads.
    "page_limit_max": 25,
    "page_limit_default": 25,
    "touched_from": WINDOW.from_at,
    "touched_to": WINDOW.to_at,
}


def fault(kind: FaultKind, rate: float) -> Fault:
    """A fault as it is thrown here. A 204 is amoCRM's word for an empty list; a lie is only one in mid-list."""
    return Fault(
        kind,
        rate=rate,
        # Answers that come too late cost real seconds.
        seconds=5 * IMPATIENT_SECONDS,
        times=4 if kind == "hang" else None,
        page_from=2 if kind == "204" else 1,
        retry_after=3 if kind == "429-json" else None,
    )


def go(way: WholeWay, sandbox: Sandbox, *allowed: type[AmoCrmAssetsError]) -> bool:
    """Whether the day landed, complete; otherwise it failed in an allowed way and left nothing."""
    stood = way.stands(sandbox, DAY)
    hangs = any(fault.kind == "hang" for fault in sandbox.options.faults)
    try:
        with hurried_client(sandbox, read_seconds=IMPATIENT_SECONDS if hangs else PATIENT_SECONDS) as client:
            way.go(client, [DAY])
    except allowed:
        way.check_nothing_written()
        return False
    way.check_complete(sandbox, DAY, stood=stood)
    return True


@pytest.mark.rounds(1, 40)
@pytest.mark.parametrize("kind", PASSING)
def test_a_fault_that_passes_is_overcome(served: Sandbox, way: WholeWay, kind: FaultKind, seed: int) -> None:
    rate = (0.02, 0.2, 0.1, 0.05)[seed % 4]
    served.reset(SandboxOptions(**ACCOUNT, seed=seed, faults=(fault(kind, rate),)))
    assert go(way, served)


@pytest.mark.rounds(1, 40)
@pytest.mark.parametrize("kind", STOPPING)
def test_a_fault_that_stays_stops_the_reading(served: Sandbox, way: WholeWay, kind: FaultKind, seed: int) -> None:
    # The first requests are spared, so that something has been read that must not be left behind.
    stays = replace(fault(kind, 1.0), after=seed % 20, path="/api/v4/leads")
    served.reset(SandboxOptions(**ACCOUNT, seed=seed, faults=(stays,)))
    assert not go(way, served, STOPPING[kind])


@pytest.mark.rounds(1, 40)
@pytest.mark.parametrize("kind", STOPPING)
def test_a_fault_that_strikes_now_and_then_stops_the_reading_or_is_overcome(
    served: Sandbox, way: WholeWay, kind: FaultKind, seed: int
) -> None:
    struck = replace(fault(kind, (0.02, 0.2, 0.1, 0.05)[seed % 4]), path="/api/v4/leads")
    served.reset(SandboxOptions(**ACCOUNT, seed=seed, faults=(struck,)))
    landed = go(way, served, STOPPING[kind])
    at_once = {"402": 402, "403-html": 403, "403-json": 403, "redirect": 302}
    if kind in at_once:  # these stop it at their first stroke
        assert landed is not any(each.status == at_once[kind] for each in served.requests)


@pytest.mark.rounds(2, 50)
@pytest.mark.parametrize("one_in", [5, 10, 20, 50])
def test_all_kinds_that_pass_together_while_people_work(
    served: Sandbox, way: WholeWay, one_in: int, seed: int
) -> None:
    faults = tuple(fault(kind, 1 / one_in / len(PASSING)) for kind in PASSING)
    people: dict[str, Any] = {"edits_per_answer": 3, "deletions_per_answer": 1, "jumps_per_answer": 2}
    served.reset(SandboxOptions(**ACCOUNT, **people, seed=seed, faults=faults))
    assert go(way, served)


@pytest.mark.rounds(2, 50)
@pytest.mark.parametrize("one_in", [50, 200])
def test_all_kinds_together(served: Sandbox, way: WholeWay, one_in: int, seed: int) -> None:
    faults = tuple(fault(kind, 1 / one_in / 4) for kind in KINDS)
    served.reset(SandboxOptions(**ACCOUNT, edits_per_answer=3, seed=seed, faults=faults))
    go(way, served, *set(STOPPING.values()))


def test_a_limit_that_others_use_up_is_respected_and_used_again_when_they_stop(
    served: Sandbox, way: WholeWay
) -> None:
    served.reset(SandboxOptions(**ACCOUNT | {"requests_per_second": 50, "other_integrations_per_second": 47}))
    stood = way.stands(served, DAY)
    stopped_at: list[float] = []

    def others_stop_after_ten_answers() -> None:
        sent = served.requests.of("/api/")
        if len(sent) >= 10 and not stopped_at:
            served.configure(other_integrations_per_second=0)
            stopped_at.append(sent[-1].at)

    served.after_answer = others_stop_after_ten_answers
    with client_of(served, requests_per_second=45) as client:
        way.go(client, [DAY])

    way.check_complete(served, DAY, stood=stood)
    sent = served.requests.of("/api/")
    refused = [each.at for each in sent if each.status == 429]
    assert 0 < len(refused) <= 8
    # What the others asked for counts for a second; nothing is refused after that.
    assert [at for at in refused if at > stopped_at[0] + 1] == []
    # In some second it asks for more than the others had left.
    later = [each.at for each in sent if each.at > stopped_at[0]]
    assert max(sum(begin <= at < begin + 1 for at in later) for begin in later) > 3


@pytest.mark.parametrize("off_seconds", [-300, 300])
def test_a_clock_that_is_minutes_off_changes_nothing(served: Sandbox, way: WholeWay, off_seconds: int) -> None:
    served.reset(SandboxOptions(**ACCOUNT, clock_offset_seconds=off_seconds))
    assert go(way, served)
    end = WINDOW.to_at + 1 + SETTLING_SECONDS

    # By amoCRM's clock the day has just ended, or not quite, whatever ours says.
    served.reset(SandboxOptions(**ACCOUNT, frozen_at=end + 5))
    assert go(way, served)
    served.reset(SandboxOptions(**ACCOUNT, frozen_at=end - 5))
    with hurried_client(served) as client, pytest.raises(DayNotOver):
        way.go(client, [DAY])
