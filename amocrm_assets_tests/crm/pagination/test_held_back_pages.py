"""What shows that a page that is held back may be requested again, and what was requested too early for that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.emptiness import MAX_CONTRADICTIONS
from amocrm_assets.crm.pagination.empty_pages import MAX_EMPTY, EmptyPages, Witness
from amocrm_assets.crm.pagination.pages import NOTHING, Page
from amocrm_assets.crm.pagination.query import Query, newest_of
from amocrm_assets.entities import CALLS, CONTACTS, LEADS, TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS
from amocrm_assets_tests.crm.pagination.test_emptiness import FROM, SLICE, SLICE_OF_TRASH, TO, page_of
from amocrm_assets_tests.crm.pagination.test_empty_pages import RECORD, holds_back, reading, unfiltered


def send_witness(empty_pages: EmptyPages, page: Page) -> None:
    """Request the witness that is due; `page` is the response."""
    part, witness = empty_pages.next_witness() or pytest.fail("no witness")
    assert not holds_back(empty_pages, part, empty_pages.send(witness), page)


def add_newest(empty_pages: EmptyPages, page: Page) -> None:
    """Request the newest records up to the end of the empty page that is due; `page` is the response."""
    newest, query = empty_pages.next_newest_until() or pytest.fail("no query")
    sent = empty_pages.send(query)
    empty_pages.received(newest, sent)
    empty_pages.add_newest(newest, sent, page)


@pytest.mark.parametrize("witnessed", [RECORD, NOTHING], ids=["a lead", "no lead"])
def test_a_witness_that_was_requested_before_an_empty_page_came_is_no_witness_of_it(witnessed: Page) -> None:
    empty_pages = EmptyPages(newest_of)
    query = empty_pages.send(unfiltered(LEADS.live, 1))
    witness = empty_pages.send(newest_of(LEADS.live))
    assert holds_back(empty_pages, "slice", query, NOTHING)
    assert not holds_back(empty_pages, Witness(), witness, witnessed)
    assert not empty_pages.pop_repeatable()


def test_a_query_that_returned_records_in_between_is_held_back_again_when_it_is_empty() -> None:
    """Its second response was a page with records, so what was wrong may have begun again."""
    empty_pages = EmptyPages(newest_of)
    query = empty_pages.send(unfiltered(LEADS.live, 2))
    assert holds_back(empty_pages, "slice", query, NOTHING)
    part, witness = empty_pages.next_witness() or pytest.fail("no witness")
    assert not holds_back(empty_pages, part, empty_pages.send(witness), RECORD)
    assert empty_pages.pop_repeatable() == [("slice", query)]
    assert not holds_back(empty_pages, "slice", empty_pages.send(query), RECORD)

    assert holds_back(empty_pages, "slice", empty_pages.send(query), NOTHING)


def test_the_page_that_is_held_back_longest_is_witnessed_first() -> None:
    lists = CALLS.lists(with_deleted=False)
    empty_pages = EmptyPages(newest_of)
    for record_list in lists:
        assert not holds_back(empty_pages, "part", empty_pages.send(newest_of(record_list)), RECORD)
    for record_list in lists:
        assert holds_back(empty_pages, "part", empty_pages.send(Query(record_list, "id asc")), NOTHING)
    for record_list in lists:
        part, witness = empty_pages.next_witness() or pytest.fail("no witness")
        assert witness.record_list == record_list
        assert not holds_back(empty_pages, part, empty_pages.send(witness), RECORD)
        ((_, again),) = empty_pages.pop_repeatable()
        assert again.record_list == record_list


def test_the_newest_record_of_a_list_is_requested_again_only_after_a_later_one_of_another_list() -> None:
    """A record that was requested before the empty page came does not show that records are returned again."""
    empty_pages = EmptyPages(newest_of)
    trash = LISTS[1]
    query = empty_pages.send(unfiltered(trash, 1))
    before = empty_pages.send(unfiltered(LEADS.live, 1))
    assert holds_back(empty_pages, "slice", query, NOTHING)
    part, newest = empty_pages.next_newest() or pytest.fail("no request for the newest record")
    assert not holds_back(empty_pages, part, empty_pages.send(newest), NOTHING)
    assert not holds_back(empty_pages, "other", before, RECORD)
    assert empty_pages.next_newest() is None

    after = empty_pages.send(unfiltered(LEADS.live, 2))
    assert not holds_back(empty_pages, "other", after, RECORD)
    assert empty_pages.next_newest()


def test_a_response_that_arrives_late_takes_no_witness_away() -> None:
    empty_pages = EmptyPages(newest_of)
    held, early = (empty_pages.send(unfiltered(LEADS.live, page)) for page in (1, 2))
    assert holds_back(empty_pages, "slice", held, NOTHING)
    later = empty_pages.send(unfiltered(LEADS.live, 3))
    for query in (later, early):
        assert not holds_back(empty_pages, "other", query, RECORD)
    assert empty_pages.pop_repeatable() == [("slice", held)]


def test_a_list_that_has_just_shown_a_record_is_never_believed_to_be_empty_as_a_whole() -> None:
    empty_pages = EmptyPages(newest_of)
    query = unfiltered(LEADS.live, 1)
    for time in range(MAX_CONTRADICTIONS + 1):
        sent = empty_pages.send(query)
        if time == MAX_CONTRADICTIONS:
            with pytest.raises(ReadingUnproven, match=r"Reading leads: .* 6 times"):
                holds_back(empty_pages, "all", sent, NOTHING)
            return
        assert holds_back(empty_pages, "all", sent, NOTHING)
        send_witness(empty_pages, RECORD)
        assert empty_pages.pop_repeatable() == [("all", query)]


@pytest.mark.parametrize(
    ("query", "witness"),
    [
        (unfiltered(LEADS.live, 2), RECORD),
        (Query(TASKS.live, "id asc", 1, 2), RECORD),
        (unfiltered(LEADS.live, 1), NOTHING),
    ],
    ids=["a page behind the first one", "seconds of a list that is not by time", "an account without leads"],
)
def test_other_queries_are_believed_when_they_are_empty_again_after_a_witness(query: Query, witness: Page) -> None:
    empty_pages = EmptyPages(newest_of)
    if witness.size:
        shown = empty_pages.send(unfiltered(query.record_list, 9))
        assert not holds_back(empty_pages, "other", shown, witness)
    assert holds_back(empty_pages, "part", empty_pages.send(query), NOTHING)
    send_witness(empty_pages, witness)
    assert empty_pages.pop_repeatable() == [("part", query)]
    assert not holds_back(empty_pages, "part", empty_pages.send(query), NOTHING)


def test_live_records_in_a_response_about_the_trash_do_not_show_that_it_has_some() -> None:
    empty_pages = EmptyPages(newest_of)
    assert holds_back(empty_pages, "slice", empty_pages.send(SLICE_OF_TRASH), NOTHING)
    add_newest(empty_pages, page_of(FROM - 1))
    _, newest = empty_pages.next_newest() or pytest.fail("the trash has shown no record")
    assert newest.record_list == SLICE_OF_TRASH.record_list


def test_a_page_without_a_proof_waits_for_a_witness_that_was_requested_after_the_attempt() -> None:
    empty_pages = EmptyPages(newest_of)
    assert holds_back(empty_pages, "slice", empty_pages.send(SLICE), NOTHING)
    newest, query = empty_pages.next_newest_until() or pytest.fail("no query")
    newest_records, meanwhile = empty_pages.send(query), empty_pages.send(unfiltered(LEADS.live, 9))
    empty_pages.received(newest, newest_records)
    empty_pages.add_newest(newest, newest_records, NOTHING)
    assert not holds_back(empty_pages, "other", meanwhile, RECORD)
    assert not empty_pages.pop_repeatable()
    send_witness(empty_pages, RECORD)
    assert empty_pages.pop_repeatable() == [("slice", SLICE)]


def test_after_a_contradiction_a_page_needs_a_proof_or_another_witness() -> None:
    empty_pages = EmptyPages(newest_of)
    assert holds_back(empty_pages, "slice", empty_pages.send(SLICE), NOTHING)
    add_newest(empty_pages, NOTHING)
    send_witness(empty_pages, RECORD)
    for page in (page_of(FROM + 1), page_of(FROM)):
        assert empty_pages.pop_repeatable() == [("slice", SLICE)]
        assert holds_back(empty_pages, "slice", empty_pages.send(SLICE), NOTHING)
        add_newest(empty_pages, page)
        assert not empty_pages.pop_believed()
    assert not empty_pages.pop_repeatable()
    assert empty_pages.next_witness()


def test_an_account_that_has_neither_contacts_nor_leads_is_believed() -> None:
    answers = [*[("contacts", NOTHING)] * 3, ("leads", NOTHING), ("contacts", NOTHING)]
    plan, _ = reading(answers, [CONTACTS.live])
    assert plan.done


def test_the_newest_record_of_a_list_is_requested_once_at_a_time() -> None:
    """Two that are missing at one time would be no better than one."""
    empty_pages = EmptyPages(newest_of)
    trash, other = empty_pages.send(unfiltered(LISTS[1], 1)), empty_pages.send(unfiltered(LEADS.live, 1))
    assert holds_back(empty_pages, "slice", trash, NOTHING)
    _, newest = empty_pages.next_newest() or pytest.fail("no request for the newest record")
    empty_pages.send(newest)
    assert not holds_back(empty_pages, "other", other, RECORD)
    assert empty_pages.next_newest() is None


def test_a_query_of_another_list_is_no_witness_of_a_list_that_has_records() -> None:
    empty_pages = EmptyPages(newest_of)
    assert holds_back(empty_pages, "slice", empty_pages.send(unfiltered(LEADS.live, 1)), NOTHING)
    empty_pages.send(unfiltered(LISTS[1], 1))
    assert empty_pages.next_witness()


@pytest.mark.parametrize(("leads", "max_empty"), [(RECORD, None), (NOTHING, MAX_EMPTY)], ids=["leads", "no leads"])
def test_leads_that_were_seen_have_to_be_seen_again_for_another_list(leads: Page, max_empty: int | None) -> None:
    empty_pages = EmptyPages(newest_of)
    holds_back(empty_pages, "leads", empty_pages.send(unfiltered(LEADS.live, 1)), leads)
    assert holds_back(empty_pages, "slice", empty_pages.send(unfiltered(CONTACTS.live, 1)), NOTHING)
    _, witness = empty_pages.next_witness() or pytest.fail("no witness")
    assert (witness.record_list, witness.max_empty) == (LEADS.live, max_empty)


def test_pages_behind_the_newest_record_are_believed_once_until_a_record_of_their_seconds_is_seen() -> None:
    empty_pages = EmptyPages(newest_of)
    later = replace(SLICE, from_at=FROM + 1)
    for part, query in (("slice", SLICE), ("another slice", later)):
        assert holds_back(empty_pages, part, empty_pages.send(query), NOTHING)
    add_newest(empty_pages, page_of(FROM - 1))
    assert empty_pages.next_newest_until() is None
    assert empty_pages.pop_believed() == [("slice", SLICE, NOTHING), ("another slice", later, NOTHING)]
    assert empty_pages.pop_believed() == []
    assert not holds_back(empty_pages, "a third slice", empty_pages.send(later), NOTHING)

    assert not holds_back(empty_pages, "a third slice", empty_pages.send(later), page_of(TO))
    assert holds_back(empty_pages, "a third slice", empty_pages.send(later), NOTHING)


def test_no_slice_is_cut_while_the_newest_records_before_its_empty_page_are_requested() -> None:
    empty_pages = EmptyPages(newest_of)
    slices = [KeysetPaginator(ListState(LEADS.live), begin, begin + 9) for begin in (10, 20, 30)]
    for each in slices[:2]:
        each.page_seconds = 5
    assert holds_back(empty_pages, slices[0], empty_pages.send(SLICE), NOTHING)
    assert empty_pages.without_doubtful(slices) == [slices[1]]


def test_a_list_of_which_no_page_with_records_is_known_is_not_asked_for_its_newest_record() -> None:
    empty_pages = EmptyPages(lambda _: None)
    assert holds_back(empty_pages, "slice", empty_pages.send(unfiltered(LISTS[1], 1)), NOTHING)
    assert empty_pages.next_newest() is None


def test_newest_records_that_prove_nothing_show_at_least_that_their_list_has_some() -> None:
    empty_pages = EmptyPages(newest_of)
    assert holds_back(empty_pages, "slice", empty_pages.send(SLICE), NOTHING)
    add_newest(empty_pages, page_of(FROM))
    _, witness = empty_pages.next_witness() or pytest.fail("no witness")
    assert (witness.record_list, witness.max_empty) == (LEADS.live, None)
