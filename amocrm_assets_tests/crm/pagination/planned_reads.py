"""Reads a window of a listed account by a plan: what tests of plans share."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from amocrm_assets.crm.http.retries import MAX_ATTEMPTS
from amocrm_assets.crm.pagination.empty_pages import Witness
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.pagination.read_planner import Due


WINDOW = Window(1_000, 1_599)
LISTS = LEADS.lists(with_deleted=True)
NOW = 5_000


def read(
    account: ListedAccount,
    random: Random,
    *,
    edits: int = 0,
    deletions: int = 0,
    permits: int = 4,
    traits: AccountTraits = UNKNOWN,
    after_answer: Callable[[], None] = lambda: None,
    plan: ReadPlanner | None = None,
) -> tuple[Counter[tuple[int, int]], ReadPlanner]:
    """Read the window with answers in random order, and edits after each answer."""
    plan = plan or ReadPlanner(WINDOW, LISTS, traits)
    pending: list[Due] = []
    got: Counter[tuple[int, int]] = Counter()
    while not plan.done:
        while len(pending) < permits and (due := plan.next_query()):
            pending.append(due)
        paginator, ask = pending.pop(random.randrange(len(pending)))
        if account.too_large is not None and ask.limit > account.too_large:
            assert not isinstance(paginator, Witness)
            plan.add_failure(paginator, ask)
            continue
        page = account.respond(ask, random)
        for _ in range(1, ask.max_empty or MAX_ATTEMPTS):
            page = page if page.size else account.respond(ask, random)
        if not page.size and ask.max_empty is None:
            raise ReadingUnproven("reading a witness", cause="no record, again and again", fix="")
        after_answer()
        got.update((lead.id, lead.updated_at) for lead in plan.add_page(paginator, ask, page))
        for _ in range(min(edits, len(account.live))):
            account.edit(random.choice(sorted(account.live)), NOW + account.request_count)
        for _ in range(min(deletions, len(account.live))):
            account.delete(random.choice(sorted(account.live)), NOW + account.request_count)
    return got, plan


def kinds(plan: ReadPlanner, *, missing_only: bool = False) -> list[str]:
    """The findings of a reading, by kind."""
    return [finding.kind for finding in plan.findings if finding.may_miss or not missing_only]


def expected(account: ListedAccount) -> set[tuple[int, int]]:
    """The leads of the window that nobody touched."""
    return {
        (lead, at)
        for lead, at in [*account.live.items(), *account.deleted.items()]
        if WINDOW.from_at <= at <= WINDOW.to_at and lead not in account.touched
    }


seconds = st.integers(WINDOW.from_at - 50, WINDOW.to_at + 50) | st.sampled_from([1_000, 1_300, 1_301, 1_599])
accounts = st.builds(
    ListedAccount,
    live=st.lists(seconds, max_size=120).map(lambda ats: {3 * number + 1: at for number, at in enumerate(ats)}),
    deleted=st.lists(seconds, max_size=20).map(lambda ats: {3 * number + 2: at for number, at in enumerate(ats)}),
    # Pages of a handful cannot be made to overlap everywhere; none are known.
    page_cap=st.integers(10, 25) | st.just(250),
    filters=st.booleans(),
    knows_deleted=st.booleans(),
    stable_ties=st.booleans(),
    half_open=st.booleans(),
    exclusive_from=st.booleans(),
    next_always=st.booleans(),
    odd_deleted_answers=st.integers(0, 1),
    without_time=st.sets(st.integers(0, 20).map(lambda number: 3 * number + 2), max_size=2).map(frozenset),
    # One damaged answer anywhere among the first ones.
    damage=st.dictionaries(st.integers(1, 12), st.sampled_from(["end", "empty"]), max_size=1),
)


def busy(leads: int = 4_000, **changes: Any) -> ListedAccount:
    """Leads all over the window, in an order that has nothing to do with their ids."""
    random = Random(12)
    live = {number: random.randrange(1_000, 1_600) for number in range(leads)}
    return ListedAccount(live, {10_000 + number: 1_000 + 2 * number for number in range(250)}, **changes)
