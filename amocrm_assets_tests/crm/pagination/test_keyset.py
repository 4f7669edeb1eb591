"""What a keyset paginator tells whichever takes over from it."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState, Query
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.entities import LEADS

FROM_AT, TO_AT = 1_001, 1_599


def page(*seconds: int, has_next: bool = True) -> Page:
    leads = (RawRecord(at, at, is_deleted=False, line=b"") for at in seconds)
    return Page(tuple(leads), has_next=has_next)


def respond(paginator: KeysetPaginator, sent: Page) -> tuple[Query, list[int]]:
    """Answer the paginator's next query: the query, and the records that it returns."""
    query = paginator.next_query()
    assert query
    fresh, _ = paginator.add_page(query, sent)
    return query, [record.id for record in fresh]


@pytest.mark.parametrize(
    ("first", "beside"), [(range(1_000, 1_250), 1_000), (range(1_351, 1_601), 1_600)], ids=["before", "behind"]
)
def test_a_lead_beside_the_slice_was_not_given_out_though_its_page_is_asked_for_again(
    first: range, beside: int
) -> None:
    """Pagination of the whole account, which may take over, would leave it out."""
    paginator = KeysetPaginator(ListState(LEADS.live), FROM_AT, TO_AT)
    _, given = respond(paginator, page(*first))
    seam, _ = respond(
        paginator, page(*range(first[100], first[200]))
    )  # out of place: the first page is asked for again

    assert seam.page == 2
    assert beside not in given
    assert set(given) == set(paginator.returned) == set(first) - {beside}
