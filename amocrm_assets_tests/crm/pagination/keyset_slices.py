"""A slice that is paginated by key, its pages and its responses: what tests of keyset pagination share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState, Query
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.entities import LEADS

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.query import DenseRange

FROM_AT, TO_AT = 1_001, 1_599
FIRST_PAGE = range(FROM_AT, FROM_AT + PAGE_LIMIT)


def page(*seconds: int, has_next: bool = True) -> Page:
    leads = (RawRecord(at, at, is_deleted=False, line=b"") for at in seconds)
    return Page(tuple(leads), has_next=has_next)


def tied(*seconds: int, has_next: bool = False) -> Page:
    """A page whose records may share seconds."""
    leads = (RawRecord(number, at, is_deleted=False, line=b"") for number, at in enumerate(seconds))
    return Page(tuple(leads), has_next=has_next)


@pytest.fixture(name="state")
def list_state() -> ListState:
    return ListState(LEADS.live, to_at=2_000)


@pytest.fixture(name="paginator")
def slice_paginator(state: ListState) -> KeysetPaginator:
    return KeysetPaginator(state, FROM_AT, TO_AT)


def respond(paginator: KeysetPaginator, sent: Page) -> tuple[Query, list[int]]:
    """Answer the paginator's next query: the query, and the records that it returns."""
    query = paginator.next_query()
    assert query
    fresh, _ = paginator.add_page(query, sent)
    return query, [record.id for record in fresh]


def handed_off(paginator: KeysetPaginator, sent: Page) -> DenseRange | None:
    """What the paginator leaves to another one after this response."""
    query = paginator.next_query()
    assert query
    return paginator.add_page(query, sent)[1]
