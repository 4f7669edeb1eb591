"""Lists that answer empty for a while, all of them or one part, lose no record in silence."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.by_id import ByIdPlanner
from amocrm_assets.crm.pagination.emptiness import NEWEST_RECORDS
from amocrm_assets.crm.pagination.empty_pages import MAX_EMPTY, MISSING_TWICE, EmptyPages, Witness
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.query import Query, newest_of
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.days import Window
from amocrm_assets.entities import CONTACTS, LEADS, TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import HidingAccount, ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS, WINDOW, expected, read
from amocrm_assets_tests.crm.pagination.test_silent_loss import ODDITIES, SHAPES, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.entities import RecordList

RECORD = Page((RawRecord(1, 1_000, is_deleted=False, line=b""),), has_next=False)


def an_account(random: Random, shape: str, **switches: Any) -> ListedAccount:
    """Up to 900 leads and 300 deleted ones in the window, and some outside of it."""
    live = dict(enumerate(seconds(random.randrange(1, 900), random, shape)))
    deleted = {10_000 + id_: at for id_, at in enumerate(seconds(random.randrange(300), random, shape))}
    outside = dict.fromkeys(range(20_000, 20_020), WINDOW.to_at + 5_000)
    return ListedAccount(live | outside, deleted, **switches)


def outage(begin: int, length: int) -> dict[int, str]:
    """So many consecutive responses are empty."""
    return dict.fromkeys(range(begin, begin + length), "empty")


@pytest.mark.slow
@pytest.mark.parametrize("oddity", ODDITIES)
def test_no_outage_of_all_lists_loses_a_record_in_silence(oddity: str) -> None:
    """A long one begins when leads were seen; before that, an account without leads looks the same."""
    for seed in range(60):
        random = Random(f"{oddity} {seed}")
        begin, length = random.choice([(1, random.randrange(1, MAX_EMPTY)), (random.randrange(12, 50), seed)])
        account = an_account(random, SHAPES[seed % 4], damage=outage(begin, length), **ODDITIES[oddity])
        try:
            got, plan = read(account, random, edits=seed % 3, permits=1 + seed % 7)
        except ReadingUnproven:
            continue
        reported = {finding.record_list.name for finding in plan.findings if finding.may_miss}
        missing = expected(account) - set(got)
        assert not missing or "deleted" in reported, (seed, begin, length, len(missing))
        assert not {lead for lead, _ in missing if lead in account.live}, (seed, begin, length, len(missing))


@pytest.mark.slow
@pytest.mark.parametrize("oddity", ["healthy", "pages of 50", "from is exclusive", "ties in any order"])
def test_an_outage_that_passes_while_a_witness_is_waited_for_ends_in_a_complete_reading(oddity: str) -> None:
    for seed in range(60):
        random = Random(f"passes {oddity} {seed}")
        damage = outage(random.randrange(1, 60), random.randrange(1, MAX_EMPTY))
        account = an_account(random, SHAPES[seed % 4], damage=damage, **ODDITIES[oddity])

        got, _ = read(account, random, permits=1 + seed % 7)

        assert not expected(account) - set(got)
        assert max(got.values()) == 1


@pytest.mark.parametrize("record_list", [CONTACTS.live, TASKS.live], ids=str)
@pytest.mark.parametrize("length", range(1, MAX_EMPTY))
def test_a_list_of_its_own_that_begins_in_an_outage_is_read(record_list: RecordList, length: int) -> None:
    planner = ByIdPlanner if record_list is TASKS.live else ReadPlanner
    for begin in (1, 2, 3, 5, 8):
        account = ListedAccount({number: 1_000 + number for number in range(400)}, damage=outage(begin, length))

        got, _ = read(account, Random(length), plan=planner(WINDOW, [record_list]))

        assert set(got) == expected(account)


def reading(
    answers: Sequence[tuple[str, Page]], lists: Sequence[RecordList] = LISTS
) -> tuple[ReadPlanner, list[Query]]:
    """A plan after answers to its queries, one by one: the name of the list it has to ask, and its page."""
    plan = ReadPlanner(WINDOW, lists)
    queries: list[Query] = []
    for name, page in answers:
        due = plan.next_query()
        assert due
        part, query = due
        assert query.record_list.name == name, query
        plan.add_page(part, query, page)
        queries.append(query)
    return plan, queries


def test_a_quiet_window_takes_one_request_more_for_the_newest_lead_before_it() -> None:
    before = Page((RawRecord(1, WINDOW.from_at - 2, is_deleted=False, line=b""),), has_next=False)
    plan, queries = reading([("leads", NOTHING), ("leads", before)], [LEADS.live])

    assert plan.done
    assert queries[1].order == "updated_at desc"
    assert queries[1].to_at == queries[0].to_at


def test_a_quiet_window_before_the_first_lead_has_to_be_empty_three_times() -> None:
    """Each time after the newest lead was received."""
    twice = [NOTHING, NOTHING]
    plan, queries = reading([("leads", each) for each in (*twice, RECORD, *twice, RECORD, *twice)], [LEADS.live])

    assert plan.done
    assert [query.limit for query in queries] == [250, NEWEST_RECORDS, 1] * 2 + [250, NEWEST_RECORDS]


def test_an_account_without_any_lead_is_believed_after_patience() -> None:
    plan, queries = reading([("leads", NOTHING)] * 5, [LEADS.live])

    assert plan.done
    assert [query.max_empty for query in queries] == [1, 1, MAX_EMPTY, 1, 1]


def test_an_account_without_contacts_is_believed_if_it_has_a_lead() -> None:
    answers = [*[("contacts", NOTHING)] * 3, ("leads", RECORD), ("contacts", NOTHING)]
    plan, queries = reading(answers, [CONTACTS.live])

    assert plan.done
    assert [query.limit for query in queries] == [250, NEWEST_RECORDS, 1, 1, 1]
    assert [query.max_empty for query in queries] == [1, 1, 1, MAX_EMPTY, 1]


def test_a_list_that_had_records_has_to_show_one() -> None:
    page = Page(tuple(RawRecord(at, at, is_deleted=False, line=b"") for at in range(1_000, 1_250)), has_next=True)
    plan, queries = reading([("leads", page), ("leads", NOTHING), ("leads", NOTHING)], [LEADS.live])

    assert not plan.done
    assert [query.max_empty for query in queries] == [1, 1, None]


def unfiltered(record_list: RecordList, page: int) -> Query:
    """A query without seconds that an earlier record could be before."""
    return Query(record_list, "updated_at desc", page=page)


def holds_back(empty_pages: EmptyPages, part: object, query: Query, page: Page) -> bool:
    """Whether the page in the response to a query is held back."""
    empty_pages.received(part, query)
    return empty_pages.holds_back(part, query, page)


def test_a_response_that_was_requested_before_an_empty_one_came_is_no_witness() -> None:
    empty_pages = EmptyPages(newest_of)
    first, second = (empty_pages.send(unfiltered(LEADS.live, page)) for page in (2, 3))
    assert holds_back(empty_pages, "first", first, NOTHING)
    assert not holds_back(empty_pages, "second", second, RECORD)
    assert not empty_pages.pop_repeatable()

    third = empty_pages.send(unfiltered(LEADS.live, 4))
    assert empty_pages.next_witness() is None, "the third one may be a witness, or be empty too"
    assert not holds_back(empty_pages, "third", third, RECORD)

    assert empty_pages.pop_repeatable() == [("first", first)]
    assert not holds_back(empty_pages, "first", empty_pages.send(first), NOTHING)


@pytest.mark.parametrize("begin", range(2_000, 40_000, 4_000))
def test_a_part_of_the_window_that_is_always_empty_is_told_if_one_of_its_records_was_received(begin: int) -> None:
    """The server answers nothing to a query that begins in a part of the window, which a cut may do."""
    window = Window(1_000, 43_000)
    told = 0
    for seed in range(30):
        random = Random(f"{begin} {seed}")
        leads = {number: random.randrange(1_000, 43_000) for number in range(random.randrange(20, 600))}
        account = HidingAccount(ListedAccount(leads), Window(begin, begin + 20_000))
        try:
            got, _ = read(account, random, permits=7, plan=ReadPlanner(window, LISTS))  # type: ignore[arg-type]
        except ReadingUnproven:
            told += 1
        else:
            assert {version for version in account.sent if window.holds(version[1])} <= set(got)
    assert told


@pytest.mark.parametrize("edits", [0, 1])
def test_a_burst_of_leads_between_quiet_hours_is_no_contradiction_and_takes_few_requests(edits: int) -> None:
    """Late pages of the first slices show records that others have returned long ago."""
    window = Window(1_000_000, 1_172_799)
    for seed in range(30):
        random = Random(seed)
        leads = {number: 1_103_679 + random.randrange(300) for number in range(1_500)}
        account = ListedAccount(leads | {10**6: 1_172_900})
        got, _ = read(account, random, edits=edits, permits=4, plan=ReadPlanner(window, [LEADS.live]))
        untouched = {(lead, at) for lead, at in leads.items() if lead not in account.touched}
        assert untouched <= set(got)
        assert max(got.values()) == 1
        assert account.request_count < 100


def test_a_lead_that_is_edited_before_its_own_slice_is_read_is_no_contradiction() -> None:
    """It is looked for once, by the query that found it."""
    for seed in range(40):
        random = Random(seed)
        account = an_account(random, "spread")
        got, plan = read(account, random, edits=3, permits=7)

        assert not expected(account) - set(got)
        assert not any(state.unreturned for state in plan.states.values())


def test_an_empty_trash_is_believed_after_its_newest_record_was_missing_twice() -> None:
    empty_pages = EmptyPages(newest_of)
    trash = LISTS[1]
    query = empty_pages.send(unfiltered(trash, 1))
    assert holds_back(empty_pages, "slice", query, NOTHING)
    for time in range(MISSING_TWICE):
        assert not empty_pages.pop_believed()
        due = empty_pages.next_newest()
        assert due
        assert isinstance(due[0], Witness)
        assert due[1] == newest_of(trash)
        assert not holds_back(empty_pages, due[0], empty_pages.send(due[1]), NOTHING)
        if not time:
            assert empty_pages.next_newest() is None
            leads = empty_pages.send(unfiltered(LEADS.live, 1))
            assert empty_pages.next_witness() is None
            assert not holds_back(empty_pages, "other", leads, RECORD)
    assert empty_pages.pop_believed() == [("slice", query, NOTHING)]
    again = empty_pages.send(replace(query, page=2))
    assert not holds_back(empty_pages, "another slice", again, NOTHING)


def test_no_slice_is_cut_that_is_likely_to_be_empty() -> None:
    """Each cut of an empty slice would cost two requests more."""
    state = ListState(LEADS.live)
    held, other, known = (KeysetPaginator(state, begin, begin + 9) for begin in (10, 20, 30))
    known.page_seconds = 5
    empty_pages = EmptyPages(newest_of)
    assert empty_pages.without_doubtful([held, other, known]) == [held, other, known]

    query = empty_pages.send(unfiltered(LEADS.live, 9))
    assert holds_back(empty_pages, held, query, NOTHING)
    assert empty_pages.without_doubtful([held, other, known]) == [known]
    witness = empty_pages.next_witness()
    assert witness
    assert not holds_back(empty_pages, witness[0], empty_pages.send(witness[1]), RECORD)
    assert empty_pages.pop_repeatable() == [(held, query)]
    assert empty_pages.without_doubtful([held, other, known]) == [other, known]


def test_one_witness_is_requested_for_all_pages_that_are_held_back() -> None:
    empty_pages = EmptyPages(newest_of)
    queries = [empty_pages.send(unfiltered(LEADS.live, number)) for number in range(3)]
    for number, query in enumerate(queries):
        assert empty_pages.next_witness() is None
        assert holds_back(empty_pages, number, query, NOTHING)
    due = empty_pages.next_witness()
    assert due
    assert empty_pages.next_witness() is None, "it is on its way"
    assert not holds_back(empty_pages, due[0], empty_pages.send(due[1]), RECORD)
    assert empty_pages.pop_repeatable() == list(enumerate(queries))
