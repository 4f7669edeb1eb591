"""Whatever amoCRM and the network do, a day lands complete and right, or fails, says why, and leaves nothing."""

from __future__ import annotations

import time
from typing import Any, get_args

import pytest

from amocrm_assets.days import day_window
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AccountUnpaid,
    AmoCrmAssetsError,
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

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
# Faults that a reading may stop at, with the error that it then ends in. All others it must overcome.
STOPPING: dict[str, type[AmoCrmAssetsError]] = {
    "401": NotAuthorised,
    "402": AccountUnpaid,
    "403-html": AccountBlocked,
    "403-json": AccessDenied,
    "redirect": SettingsError,
    # A row that is neither in the window nor in its place: nothing proves such a page.
    "row-outside-window": ReadingUnproven,
    # Eight refusals in a row, each after a longer wait, look like a block.
    "429-html": AccountBlocked,
    "429-json": AccountBlocked,
}
ANSWER_SECONDS = 1.5
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
        seconds=ANSWER_SECONDS + 0.5,
        times=4 if kind == "hang" else None,
        page_from=2 if kind == "204" else 1,
        retry_after=3 if kind == "429-json" else None,
    )


def go(way: WholeWay, sandbox: Sandbox, *allowed: type[AmoCrmAssetsError]) -> bool:
    """Whether the day landed, complete; otherwise it failed in an allowed way and left nothing."""
    stood = way.stands(sandbox, DAY)
    try:
        with hurried_client(sandbox, read_seconds=ANSWER_SECONDS) as client:
            way.go(client, [DAY])
    except allowed:
        way.check_nothing_written()
        return False
    way.check_complete(sandbox, DAY, stood=stood)
    return True


@pytest.mark.rounds(1, 40)
@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_of_fault(served: Sandbox, way: WholeWay, kind: FaultKind, seed: int) -> None:
    rate = (0.02, 0.2, 0.1, 0.05)[seed % 4]
    served.reset(SandboxOptions(**ACCOUNT, seed=seed, faults=(fault(kind, rate),)))
    assert go(way, served, *[STOPPING[kind]] if kind in STOPPING else []) or kind in STOPPING


@pytest.mark.rounds(2, 50)
@pytest.mark.parametrize("one_in", [5, 10, 20, 50])
def test_all_kinds_that_pass_together_while_people_work(
    served: Sandbox, way: WholeWay, one_in: int, seed: int
) -> None:
    passing = [kind for kind in KINDS if kind not in STOPPING]
    faults = tuple(fault(kind, 1 / one_in / len(passing)) for kind in passing)
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
    began = time.monotonic()

    def others_stop_after_two_seconds() -> None:
        if time.monotonic() > began + 2:
            served.configure(other_integrations_per_second=0)

    served.after_answer = others_stop_after_two_seconds
    with client_of(served, requests_per_second=45, read_seconds=10) as client:
        way.go(client, [DAY])

    way.check_complete(served, DAY, stood=stood)
    asked = served.requests.of("/api/")
    refused = [each.at for each in asked if each.status == 429]
    assert 0 < len(refused) <= 8
    # Slower than the limit first, faster in the end than the others had left.
    assert sum(each.at > asked[-1].at - 1 for each in asked) > 3


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
