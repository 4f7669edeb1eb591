"""What shows that a page that is held back may be requested again, and what was requested too early for that."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination.empty_pages import EmptyPages, Witness
from amocrm_assets.crm.pagination.pages import NOTHING, Page
from amocrm_assets.crm.pagination.query import Query, newest_of
from amocrm_assets.entities import CALLS, LEADS
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS
from amocrm_assets_tests.crm.pagination.test_empty_pages import RECORD, holds_back, unfiltered


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
    query = empty_pages.send(unfiltered(LEADS.live, 1))
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
