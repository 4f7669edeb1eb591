"""No list, however odd, loses a lead in silence: a reading is complete, raises, or fails the day by a finding."""

from __future__ import annotations

from itertools import combinations
from random import Random
from typing import Any

import pytest

from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import WINDOW, expected, read

ODDITIES: dict[str, dict[str, Any]] = {
    "healthy": {},
    "pages of 50": {"page_cap": 50},
    "pages of 25": {"page_cap": 25},
    "no filters": {"filters": False},
    "ties in any order": {"stable_ties": False},
    "to is exclusive": {"half_open": True},
    "from is exclusive": {"exclusive_from": True},
    "no order by id beside a filter": {"orders_filtered": False},
    "by id": {"sorted_within_pages": True},
    "scattered": {"sorted_within_pages": True, "scattered": True},
    "250 at most": {"depth_max": 250},
    "500 at most": {"depth_max": 500},
    "120 at most": {"depth_max": 120},
    "next always": {"next_always": True},
    "next never": {"next_never": True},
    "504 above 60": {"too_large": 60},
    "only_deleted ignored": {"knows_deleted": False},
}


def seconds(count: int, random: Random, shape: str) -> list[int]:
    """So many seconds, most of them in the window: spread, dense, tied at a page's end, or growing with ids."""
    if shape == "dense":
        return [1_200 + random.randrange(40) for _ in range(count)]
    if shape == "wide":
        return [random.randrange(200, 4_000) for _ in range(count)]
    if shape == "tied":
        tied = random.choice([20, 120, 249, 250, 251, 300])
        return [random.choice([1_000, 1_300, 1_599])] * min(tied, count) + [
            random.randrange(950, 1_650) for _ in range(count - tied)
        ]
    spread = sorted(random.randrange(WINDOW.from_at, WINDOW.to_at + 1) for _ in range(count))
    if shape == "tie at the end of a page" and count > 250:
        begin, length = random.choice([240, 246, 249]), random.choice([2, 5, 20, 60])
        spread[begin : begin + length] = [spread[begin]] * len(spread[begin : begin + length])
    if shape == "nearly in the order of ids":
        for _ in range(count // 20):
            spread[random.randrange(count)] = random.randrange(WINDOW.from_at, WINDOW.to_at + 1)
    elif shape != "in the order of ids":
        random.shuffle(spread)
    return spread


SHAPES = ("spread", "wide", "tied", "tie at the end of a page")


def assert_no_silent_loss(account: ListedAccount, random: Random, *, edits: int = 0, **how: Any) -> bool:
    """Whether the window was read without an error. `how`: as `read` takes it."""
    try:
        got, plan = read(account, random, edits=edits, **{"deletions": edits, **how})
    except ReadingUnproven:
        return False
    reported = {finding.record_list.name for finding in plan.findings if finding.may_miss}
    missing = expected(account) - set(got)
    assert not {lead for lead, _ in missing if lead in account.live} or "leads" in reported
    # Nothing tells an account that ignores `only_deleted` and has no live lead from one whose trash is empty.
    is_told = "deleted" in reported or not (account.knows_deleted or account.live)
    assert not {lead for lead, _ in missing if lead in account.deleted} or is_told
    if not plan.paginators.counts.whole_account_scans and not any(
        each.kind == "filters_ignored" for each in plan.findings
    ):
        assert max(got.values(), default=1) == 1, "a lead came twice"
    return True


@pytest.mark.slow
@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("oddity", ["by id", "scattered"])
def test_no_size_of_an_unsorted_list_loses_a_lead(oddity: str, *, deleted: bool) -> None:
    for count in range(240, 521):
        random = Random(count)
        leads = dict(enumerate(seconds(count, random, "spread")))
        account = ListedAccount(*(({90_000: 1_200}, leads) if deleted else (leads, {})), **ODDITIES[oddity])
        is_read = assert_no_silent_loss(account, random)
        # What fits one page is sorted by it, and a second page of a few leads more shows all of them.
        assert is_read or count > 250, count
        assert not is_read or count < 300, count


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_every_size_of_a_healthy_list_is_read(shape: str) -> None:
    for count in range(240, 521, 1 if shape == "spread" else 7):
        random = Random(count)
        account = ListedAccount(
            dict(enumerate(seconds(count, random, shape))),
            {10_000 + number: at for number, at in enumerate(seconds(count, random, shape))},
        )
        assert assert_no_silent_loss(account, random, edits=count % 3, permits=1 + count % 6), count


@pytest.mark.parametrize("names", [*((name,) for name in ODDITIES), *combinations(ODDITIES, 2)], ids=" and ".join)
def test_no_oddity_alone_or_with_another_loses_a_lead_in_silence(names: tuple[str, ...]) -> None:
    switches: dict[str, Any] = {}
    for name in names:
        switches |= ODDITIES[name]
    for number, shape in enumerate(SHAPES):
        random = Random(f"{names} {shape}")
        leads = dict(enumerate(seconds(random.randrange(240, 900), random, shape)))
        deleted = {10_000 + id_: at for id_, at in enumerate(seconds(random.randrange(300), random, shape))}
        assert_no_silent_loss(ListedAccount(leads, deleted, **switches), random, permits=1 + number)


def test_a_far_end_that_lies_before_known_leads_is_none() -> None:
    """A list by id shows its first leads from both ends; without `next` nothing else says that more follow."""
    for seed in range(20):
        random = Random(seed)
        leads = [1_599] * 600 + [random.randrange(950, 1_650) for _ in range(2_000)]
        account = ListedAccount(dict(enumerate(leads)), sorted_within_pages=True, next_never=True)
        assert_no_silent_loss(account, random)


@pytest.mark.slow
@pytest.mark.parametrize("exclusive_from", [False, True])
def test_a_list_that_stops_twice_at_the_same_depth_is_not_believed(*, exclusive_from: bool) -> None:
    for seed in range(20):
        random = Random(seed)
        leads = dict(enumerate(1_200 + random.randrange(40) for _ in range(2_300)))
        account = ListedAccount(leads, depth_max=120, exclusive_from=exclusive_from)
        assert_no_silent_loss(account, random, edits=seed % 3, permits=2)


@pytest.mark.parametrize("oddity", ["by id", "scattered"])
@pytest.mark.parametrize("cap", [25, 50])
def test_small_pages_of_a_list_in_no_order_are_noticed_without_next(cap: int, oddity: str) -> None:
    """The page may reach to the last second, or behind it, and then nothing tells of the others."""
    for count in [*range(cap + 1, cap + 30), 100, 289, 391]:
        for last in (1_599, 1_600):
            random = Random(count)
            leads = dict(enumerate([last, *(random.randrange(1_000, 1_590) for _ in range(count - 1))]))
            account = ListedAccount(leads, page_cap=cap, next_never=True, **ODDITIES[oddity])
            assert_no_silent_loss(account, random)


@pytest.mark.parametrize("cap", [25, 250])
def test_a_tie_in_small_pages_of_a_list_in_no_order_is_noticed(cap: int) -> None:
    """Pages by id show the same first leads from both ends."""
    account = ListedAccount(
        dict.fromkeys(range(600), 1_599), page_cap=cap, next_never=True, sorted_within_pages=True
    )

    assert not assert_no_silent_loss(account, Random(1)) or cap == 250


@pytest.mark.parametrize("damaged", range(2, 8))
def test_a_seam_is_looked_at_again_though_its_first_page_names_no_next_one(damaged: int) -> None:
    for seed in range(20):
        random = Random(seed)
        leads = dict(enumerate([990, 1_640, *(random.randrange(950, 1_650) for _ in range(286))]))
        account = ListedAccount(leads, page_cap=50, damage={damaged: "end"}, **ODDITIES["scattered"])
        assert_no_silent_loss(account, random, permits=1)


@pytest.mark.parametrize("seed", [10, 45, 51, 60, 115, 133, 161, 199])
def test_edits_between_two_pages_do_not_hide_that_a_list_is_in_no_order(seed: int) -> None:
    random = Random(seed)
    count = random.randrange(252, 275)
    leads = dict(enumerate(1_200 + random.randrange(40) for _ in range(count)))

    assert_no_silent_loss(ListedAccount(leads, **ODDITIES["scattered"]), random, edits=1)


def test_an_edited_lead_between_pages_of_a_list_in_no_order_does_not_close_a_gap() -> None:
    """It begins the second page, and is where only leads behind the first page's end should."""
    for seed in range(30):
        random = Random(seed)
        leads = dict(enumerate([1_599] * 250 + [random.randrange(950, 1_650) for _ in range(317)]))
        account = ListedAccount(leads, filters=False, sorted_within_pages=True)
        assert_no_silent_loss(account, random, edits=1, deletions=0, permits=3)


@pytest.mark.parametrize("damaged", range(1, 6))
def test_an_empty_answer_of_a_trash_in_no_order_is_not_believed_once(damaged: int) -> None:
    """The newest record that such a list shows may be any of it, and agree that the window is empty."""
    for seed in range(10):
        random = Random(seed)
        deleted = {10_000 + number: random.randrange(1_000, 1_600) for number in range(28)}
        deleted[min(deleted, key=lambda record: record * 7_919 % 104_729)] = 900
        account = ListedAccount(
            {1: 1_200}, deleted, page_cap=25, damage={damaged: "empty"}, **ODDITIES["scattered"]
        )
        assert_no_silent_loss(account, random, permits=1)


@pytest.mark.slow
@pytest.mark.parametrize("oddity", ["504 above 60", "pages of 50", "pages of 25"])
def test_small_pages_of_a_list_by_id_that_is_nearly_in_the_order_of_time(oddity: str) -> None:
    """Few leads are out of their place, so most pages that are looked at fit to each other."""
    for seed in range(80):
        random = Random(seed)
        leads = seconds(random.randrange(100, 521), random, "nearly in the order of ids")
        account = ListedAccount(dict(enumerate(leads)), sorted_within_pages=True, **ODDITIES[oddity])
        assert_no_silent_loss(account, random, edits=seed % 3, permits=1 + seed % 6)


def test_many_crowded_seconds_cost_one_pass_over_the_account() -> None:
    account = ListedAccount(
        {number: 1_200 + number % 40 for number in range(3_000)}, too_large=60, orders_filtered=False
    )

    assert assert_no_silent_loss(account, Random(2))
    assert account.request_count < 3 * 3_000 / 50


@pytest.mark.parametrize("oddity", ["by id", "scattered"])
@pytest.mark.parametrize("cap", [50, 250])
def test_a_list_in_no_order_whose_first_page_is_newer_than_the_window_is_noticed(cap: int, oddity: str) -> None:
    """The second page alone then seems to cover the window, and the one behind it shows that it does not."""
    for seed in range(40):
        random = Random(seed)
        newest = [random.choice([1_599, 1_600, random.randrange(1_600, 1_650)]) for _ in range(cap)]
        leads = newest + [random.randrange(950, 1_610) for _ in range(random.randrange(cap, 4 * cap))]
        order = (
            range(len(leads))
            if oddity == "by id"
            else sorted(range(len(leads)), key=lambda n: n * 7_919 % 104_729)
        )
        account = ListedAccount(
            dict(zip(order, leads, strict=True)),
            page_cap=cap,
            filters=False,
            next_never=cap == 50 and seed % 2 == 0,
            **ODDITIES[oddity],
        )
        assert_no_silent_loss(account, random, edits=seed % 3, permits=1 + seed % 4)


def test_a_crowded_second_of_a_list_in_no_order_that_stops_at_some_depth_is_noticed() -> None:
    """Of a second that fills the page the seam may be within it, where leads are in any order."""
    for seed in (0, 1, 2, 3, 4, 6, 7, 8):
        random = Random(seed)
        times = [1_200] * 8 + [random.randrange(1_000, 1_600)]
        leads = {number: random.choice(times) for number in range(random.randrange(52, 400))}
        account = ListedAccount(leads, depth_max=50 + seed, **ODDITIES["scattered"])
        account.damage = dict.fromkeys(range(1 + seed % 3, 200, 4), "end")
        assert_no_silent_loss(account, random, permits=1 + seed % 4)
