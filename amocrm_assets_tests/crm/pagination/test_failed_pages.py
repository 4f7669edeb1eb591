"""Which failures say that a page is too heavy, and what a refused page means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amocrm_assets.crm.http.responses import ReadTimeout, RetryableError
from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.failed_pages import MAX_FAILURES, NothingReturned, PageFailures, page_refused
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AccessDenied, UnexpectedAnswer


def query(*, page: int = 1, limit: int = 250, details: bool = False, deleted: bool = False) -> Query:
    record_list = LEADS.lists(with_deleted=True)[1 if deleted else 0]
    return Query(record_list, "updated_at asc", 1, 2, page=page, limit=limit, details=details)


def failed(status: int | None) -> RetryableError:
    return RetryableError(f"status {status}", status=status)


def refused(status: int) -> UnexpectedAnswer:
    return UnexpectedAnswer("Reading leads", cause="no.", fix="Look.", status=status)


@pytest.mark.parametrize("error", [*map(failed, [408, 500, 502, 504]), ReadTimeout("no answer in time")])
def test_a_page_that_is_too_slow_time_and_again_is_asked_for_by_smaller_ones(error: RetryableError) -> None:
    failures = PageFailures(query())
    assert [failures.are_enough(error) for _ in range(MAX_FAILURES)] == [False, True]


@pytest.mark.parametrize("error", [failed(429), failed(None), failed(503)])
def test_a_failure_that_a_smaller_page_would_have_too_is_not_counted(error: RetryableError) -> None:
    failures = PageFailures(query())
    assert not any(failures.are_enough(error) for _ in range(9))


def test_the_smallest_page_has_no_lighter_one_but_that_without_details() -> None:
    smallest, detailed = PageFailures(query(limit=10)), PageFailures(query(limit=10, details=True))
    assert [smallest.are_enough(failed(504)) for _ in range(3)] == [False, False, False]
    assert [detailed.are_enough(failed(504)) for _ in range(2)] == [False, True]


def test_an_ordinary_query_accepts_its_first_empty_page() -> None:
    PageFailures(query()).check_filled(NOTHING)


@pytest.mark.parametrize("max_empty", [2, 8, None])
def test_an_empty_page_of_a_witness_is_a_failure_until_there_were_enough(max_empty: int | None) -> None:
    failures = PageFailures(replace(query(), max_empty=max_empty))
    failures.check_filled(Page((RawRecord(1, 1, is_deleted=False, line=b""),), has_next=False))
    enough: list[bool] = []
    for _ in range(9):
        with pytest.raises(NothingReturned) as caught:
            failures.check_filled(NOTHING)
        enough.append(failures.are_enough(caught.value))
    assert [number for number, each in enumerate(enough, 1) if each] == ([max_empty] if max_empty else [])


def test_a_value_of_with_that_an_account_does_not_know_costs_the_details_and_not_the_page() -> None:
    assert page_refused(query(details=True), refused(400)) is None


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_page_behind_the_first_one_is_the_end_of_the_list(status: int) -> None:
    page = page_refused(query(page=2), refused(status))
    assert page is not None
    assert (page.records, page.has_next) == ((), False)


def test_any_other_refusal_of_live_records_is_an_error_as_it_came() -> None:
    error = AccessDenied("Reading leads", cause="403.", fix="Give the right.", status=403)
    for requested in (query(), query(page=2), query(details=True)):
        with pytest.raises(AccessDenied) as caught:
            page_refused(requested, error)
        assert caught.value is error


def test_refused_deleted_records_can_be_left_out_and_the_message_says_how() -> None:
    error = AccessDenied("Reading leads", cause="403.", fix="Give the right.", status=403)
    with pytest.raises(AccessDenied, match="import_deleted: false") as caught:
        page_refused(query(deleted=True), error)
    assert caught.value.facts["status"] == 403
    assert caught.value.__cause__ is error


def test_a_page_of_deleted_records_that_cannot_be_read_is_not_told_as_a_right_that_is_missing() -> None:
    error = UnexpectedAnswer("Reading leads", cause="It is nested too deeply.", fix="Report it.", status=200)
    with pytest.raises(UnexpectedAnswer) as caught:
        page_refused(query(deleted=True), error)
    assert caught.value is error
