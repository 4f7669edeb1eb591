"""Every event of a window is read once, whatever the order of the list, its bounds, its pages and its links."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.crm.http.retries import MAX_ATTEMPTS
from amocrm_assets.crm.pagination.appended import AppendedPlanner
from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedPage, AppendedQuery, AppendedRecord
from amocrm_assets.crm.pagination.empty_pages import MAX_EMPTY
from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import RecordList
from amocrm_assets.errors import ReadingUnproven

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.pagination.query import Query

EVENTS = RecordList(
    "events", "events", "/api/v4/events", "events", kind="appended", types=("a", "b"), max_limit=100
)
DAY = Window(1_000_000, 1_086_399)
MAX_REQUESTS = 20_000


def record(number: int, at: int, kind: str = "a") -> AppendedRecord:
    return AppendedRecord(f"e{number:06d}", at, kind, b"{}")


@dataclass
class Listed:
    """A list of events that answers queries as amoCRM may."""

    records: list[AppendedRecord]
    order: str = "newest"
    cap: int = 100
    inclusive: tuple[bool, bool] = (True, True)
    names_next: str = "right"
    wrong_nothings: int = 0
    filters: bool = True
    largest_limit: int = 100
    queries: list[AppendedQuery] = field(default_factory=list)
    outage: range = range(0)
    responses: int = 0
    findings: list[str] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(7))

    def respond(self, query: AppendedQuery) -> AppendedPage:
        tries = sum(is_same_question(query, each) for each in self.queries)
        self.queries.append(query)
        assert query.limit <= self.largest_limit
        # The list has shown records before: nothing at all, said often enough, is believed of a whole window.
        if tries < self.wrong_nothings and len(self.queries) > 1:
            return AppendedPage((), has_next=False)
        first, last = query.from_at + (not self.inclusive[0]), query.to_at - (not self.inclusive[1])
        found = [each for each in self.records if first <= each.at <= last or not self.filters]
        if self.order == "shuffled":
            self.random.shuffle(found)
        else:
            found.sort(key=lambda each: (each.at, each.id), reverse=self.order == "newest")
        limit = min(query.limit, self.cap)
        page = found[(query.page - 1) * limit : query.page * limit]
        has_next = {
            "right": len(found) > query.page * limit,
            "always": bool(page),
            "never": False,
        }[self.names_next]
        return AppendedPage(tuple(page), has_next)


def is_same_question(one: AppendedQuery, other: AppendedQuery) -> bool:
    """Bounds may be wider by a second until the list's are known."""
    apart = abs(one.from_at - other.from_at), abs(one.to_at - other.to_at)
    return max(apart) <= 1 and one.page == other.page


def read(
    listed: Listed, window: Window = DAY, *, in_flight: int = 3, traits: AccountTraits = UNKNOWN, seed: int = 3
) -> list[AppendedRecord]:
    """What the planner makes of it, several questions at a time, answered in any order."""
    plan, found, rng = AppendedPlanner(window, [EVENTS], traits), [], Random(seed)
    waiting: list[tuple[Any, Any]] = []
    while not plan.done:
        while len(waiting) < in_flight and (due := plan.next_query()):
            waiting.append(due)
        part, query = waiting.pop(rng.randrange(len(waiting)))
        found += plan.add_page(part, query, respond(listed, query))
        assert len(listed.queries) < MAX_REQUESTS
    listed.findings = [each.kind for each in plan.findings]
    return found


def respond(listed: Listed, query: AppendedQuery | Query) -> AppendedPage:
    """The page of a query, in an outage at the latest after all retries of the reader."""
    for _ in range(query.max_empty or MAX_ATTEMPTS):
        listed.responses += 1
        if listed.responses in listed.outage:
            page = NO_RECORDS
        elif isinstance(query, AppendedQuery):
            page = listed.respond(query)
        else:
            page = AppendedPage((record(0, 1),), has_next=False)  # the newest lead
        if page.size:
            return page
    if query.max_empty is None:
        raise ReadingUnproven("reading a witness", cause="no record, again and again", fix="")
    return page


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
@pytest.mark.parametrize("begin", [1, 2, 3, 5, 9, 14, 20])
def test_events_that_are_read_in_an_outage_of_all_lists_are_complete(order: str, begin: int) -> None:
    for length in (1, 2, 3, 5, MAX_EMPTY - 1):
        for count in (3, 70, 1200):
            check(Listed(some(count), order=order, outage=range(begin, begin + length)))


def some(count: int, window: Window = DAY, *, crowded: int = 0, seed: int = 1) -> list[AppendedRecord]:
    """Events at random seconds of a window and around it, `crowded` of them in one second."""
    rng = Random(seed)
    tie = rng.randint(window.from_at, window.to_at)
    times = [rng.randint(window.from_at - 500, window.to_at + 500) for _ in range(count)] + [tie] * crowded
    return [record(number, at) for number, at in enumerate([*times, window.from_at, window.to_at])]


def check(listed: Listed, window: Window = DAY, *, findings: frozenset[str] = frozenset()) -> None:
    found = read(listed, window)
    wanted = {each.id for each in listed.records if window.holds(each.at)}
    assert {each.id for each in found} == wanted
    assert max(Counter(each.id for each in found).values(), default=1) == 1
    assert set(listed.findings) <= {"next_on_last_page"} | findings


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
@pytest.mark.parametrize("inclusive", [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("crowded", [0, 340])
def test_every_event_of_a_day_is_read_once(order: str, inclusive: tuple[bool, bool], crowded: int) -> None:
    crowd = 0 if order == "shuffled" else crowded  # of pages shuffled anew no two passes agree
    check(Listed(some(1500, crowded=crowd), order=order, inclusive=inclusive))


@pytest.mark.parametrize(
    "changes",
    [
        {"names_next": "always"},
        {"names_next": "never"},
        {"cap": 50},
        {"cap": 30},
        {"cap": 30, "names_next": "never"},
        {"cap": 50, "names_next": "always"},
        {"wrong_nothings": 2},
    ],
)
@pytest.mark.parametrize("count", [3, 70, 1200])
def test_odd_pages_cost_requests_and_no_events(changes: dict[str, object], count: int) -> None:
    check(Listed(some(count, crowded=130), **changes))  # type: ignore[arg-type]


def test_a_next_page_behind_the_last_one_is_said() -> None:
    listed = Listed(some(500), names_next="always")
    check(listed)
    assert listed.findings == ["next_on_last_page"]


@given(
    times=st.lists(st.integers(0, 400), max_size=300),
    order=st.sampled_from(["newest", "oldest"]),
    cap=st.sampled_from([10, 25, 50, 100]),
    inclusive=st.tuples(st.booleans(), st.booleans()),
    names_next=st.sampled_from(["right", "always", "never"]),
    in_flight=st.integers(1, 6),
)
@settings(max_examples=150, deadline=None)
def test_any_list_in_a_stable_order_is_read_completely(  # noqa: PLR0917
    times: list[int], order: str, cap: int, inclusive: tuple[bool, bool], names_next: str, in_flight: int
) -> None:
    records = [record(number, at) for number, at in enumerate(times)]
    window = Window(100, 300)
    listed = Listed(records, order=order, cap=cap, inclusive=inclusive, names_next=names_next)
    found = read(listed, window, in_flight=in_flight)
    assert sorted(each.id for each in found) == sorted(each.id for each in records if window.holds(each.at))


def test_a_second_whose_passes_never_agree_is_not_believed() -> None:
    listed = Listed([record(number, DAY.from_at) for number in range(450)], order="shuffled")
    with pytest.raises(ReadingUnproven, match="passes over its pages gave different records"):
        read(listed, Window(DAY.from_at, DAY.from_at))


def test_a_filter_that_is_ignored_is_not_believed() -> None:
    with pytest.raises(ReadingUnproven, match="ignores `filter"):
        read(Listed(some(500), filters=False), Window(DAY.from_at, DAY.from_at + 3600))


def test_events_of_other_types_are_left_out_and_said() -> None:
    listed = Listed([record(1, DAY.from_at), record(2, DAY.from_at + 1, kind="novel")])
    assert {each.id for each in read(listed)} == {"e000001"}
    assert listed.findings == ["types_ignored"]


@pytest.mark.parametrize(("count", "most"), [(0, 4), (40, 4), (2000, 80)])
def test_a_days_requests_are_few(count: int, most: int) -> None:
    rng = Random(2)
    # Office hours for the most part.
    times = [DAY.from_at + 32_400 + int((rng.random() + rng.random()) * 18_000) for _ in range(count)]
    listed = Listed([record(number, at) for number, at in enumerate(times)])
    check(listed)
    assert len(listed.queries) <= most


def query_parts(listed: Listed, pick: Callable[[AppendedQuery], int]) -> set[int]:
    return {pick(query) for query in listed.queries}


def test_bounds_are_widened_only_until_they_are_known() -> None:
    listed = Listed(some(1500))
    check(listed)
    assert query_parts(listed, lambda query: query.from_at) & {DAY.from_at - 1}
    # Once a record at each end was seen, slices meet without a second in common.
    last = [query for query in listed.queries[-8:] if query.page == 1]
    assert len({query.from_at for query in last} & {query.to_at for query in last}) == 0


def test_larger_pages_take_fewer_questions_where_a_server_has_them() -> None:
    records = some(2_000)
    queries = {}
    for limit in (None, 250):
        listed = Listed(records, cap=250, largest_limit=250)
        found = read(listed, traits=AccountTraits(max_limit=limit))
        assert {each.id for each in found} == {each.id for each in records if DAY.holds(each.at)}
        queries[limit] = len(listed.queries)
    assert queries[250] < 0.6 * queries[None]


def test_pages_that_are_shorter_than_believed_are_asked_for_as_documented_from_then_on() -> None:
    listed = Listed(some(2_000), cap=50, largest_limit=250)
    assert len(read(listed, traits=AccountTraits(max_limit=250))) > 1_000
    limits = [each.limit for each in listed.queries if each.page == 1]
    assert limits[0] == 250
    assert set(limits[20:]) == {100}
