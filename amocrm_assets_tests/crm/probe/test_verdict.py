"""What answers mean, without asking: what luck, edits and odd pages may not be taken for."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.probe.asking import Records
from amocrm_assets.crm.probe.filters import bound_verdict, incoming_verdict
from amocrm_assets.crm.probe.orders import fit, order_by_id_verdict, ties_verdict
from amocrm_assets.crm.probe.samples import excluding_window, quiet_second
from amocrm_assets.crm.probe.sizes import links_verdict, list_limit_verdict
from amocrm_assets.crm.probe.verdict import NotSettled
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS

NEWEST = Query(LEADS.live, "updated_at desc")


def page(*leads: tuple[int, int], has_next: bool = False) -> Page:
    """A page of leads, each an id and a second."""
    return Page(tuple(RawRecord(lead_id, at, is_deleted=False, line=b"{}") for lead_id, at in leads), has_next)


@pytest.mark.parametrize(
    ("second", "fits"),
    [
        (page((3, 70), (4, 60)), True),
        (page((3, 80), (4, 60)), True),
        (page(), True),
        (page((2, 80), (3, 70)), True),  # pushed onto the second page by an edit
        (page((9, 95), (3, 70)), True),  # edited meanwhile, and newer than all
        (page((9, 85), (3, 70)), False),
    ],
)
def test_pages_fit_unless_a_lead_is_where_no_edit_brings_it(second: Page, *, fits: bool) -> None:
    assert fit(NEWEST, page((1, 90), (2, 80)), second) is fits


@pytest.mark.parametrize("end", ["from", "to"])
@pytest.mark.parametrize(
    ("control", "bounded", "again", "value"),
    [
        (True, True, True, True),
        (False, True, True, True),
        (True, False, True, False),
        (True, False, False, None),
        (False, False, True, None),
    ],
)
def test_a_lead_that_was_edited_meanwhile_says_nothing_of_bounds(
    end: str, *, control: bool, bounded: bool, again: bool, value: bool | None
) -> None:
    name = "from" if end == "from" else "to"
    if value is None:
        with pytest.raises(NotSettled, match="edited meanwhile"):
            bound_verdict(name, control=control, bounded=bounded, again=again)  # type: ignore[arg-type]
    else:
        assert bound_verdict(name, control=control, bounded=bounded, again=again).value is value  # type: ignore[arg-type]


def test_an_incoming_lead_that_left_its_stage_says_nothing_of_the_list() -> None:
    assert incoming_verdict(1, plain=page((1, 5)), by_stage=page(), limit=50).value is True
    assert incoming_verdict(1, plain=page((2, 5)), by_stage=page((1, 5)), limit=50).value is False
    with pytest.raises(NotSettled):
        incoming_verdict(1, plain=page((2, 5)), by_stage=page(), limit=50)
    with pytest.raises(NotSettled):
        incoming_verdict(1, plain=page((2, 5), (3, 5)), by_stage=page((1, 5)), limit=2)


def test_an_order_that_is_the_same_by_id_and_by_time_says_nothing() -> None:
    queries = [Query(LEADS.live, "id asc", 1, 9), Query(LEADS.live, "id desc", 1, 9)]
    alike = [page((1, 5), (2, 6)), page((2, 6), (1, 5))]
    with pytest.raises(NotSettled, match="same order"):
        order_by_id_verdict(list(zip(queries, alike, strict=True)))
    by_id = [page((1, 6), (2, 5)), page((2, 5), (1, 6))]
    assert order_by_id_verdict(list(zip(queries, by_id, strict=True))).value is True
    by_time = [page((2, 5), (1, 6)), page((1, 6), (2, 5))]
    assert order_by_id_verdict(list(zip(queries, by_time, strict=True))).value is False


def ties(*reads: list[int]) -> list[tuple[RawRecord, ...]]:
    """Readings of one second, each with these ids."""
    return [page(*((lead, 5) for lead in read)).records for read in reads]


@pytest.mark.parametrize(
    ("reads", "value"),
    [
        ([[1, 2, 3, 4]] * 3, "id asc"),
        ([[4, 3, 2, 1]] * 3, "id desc"),
        ([[2, 1, 4, 3, 6, 5, 7]] * 3, "stable, not by id"),
        ([[2, 1, 4, 3], [1, 2, 3, 4], [1, 2, 3, 4]], "not stable"),
        ([[1, 2]] * 3, None),
        ([[1, 2, 3]] * 3, None),
        ([[2, 1, 3]] * 3, None),
        ([[1, 2, 3, 4], [1, 2], [1, 2]], None),
    ],
)
def test_the_order_of_a_tie_is_settled_where_luck_does_not_explain_it(
    reads: list[list[int]], value: str | None
) -> None:
    if value is None:
        with pytest.raises(NotSettled, match="chance"):
            ties_verdict(ties(*reads))
    else:
        assert ties_verdict(ties(*reads)).value == value


def test_next_is_judged_by_what_is_known_to_follow() -> None:
    right, wrong = page((1, 5), has_next=True), page((1, 5))
    assert links_verdict([right], [], known=2).value == "right"
    assert links_verdict([right, wrong], [], known=2).value == "next is missing"
    assert links_verdict([right], [right], known=2).value == "next behind the end"
    with pytest.raises(NotSettled):
        links_verdict([wrong], [], known=1)


@pytest.mark.parametrize(
    ("size", "has_next", "smaller", "value"),
    [
        (250, True, None, 250),
        (100, True, None, 100),
        (50, True, 100, 100),
        (50, True, 50, 50),
        (60, False, None, "at least 60"),
        (50, False, None, None),
        (0, False, None, None),
    ],
)
def test_the_limit_of_a_list_is_known_by_its_pages(
    size: int, smaller: int | None, value: object, *, has_next: bool
) -> None:
    less = None if smaller is None else Records([{}] * smaller, has_next=True)
    found = Records([{}] * size, has_next)
    if value is None:
        with pytest.raises(NotSettled):
            list_limit_verdict(found, lambda: less, what="events", follows="")
    else:
        assert list_limit_verdict(found, lambda: less, what="events", follows="").value == value


def test_windows_leave_out_what_is_known_and_stay_where_nobody_works() -> None:
    assert excluding_window([5, 9, 7]) == Window(4, 6)
    assert excluding_window([5, 6]) == excluding_window([5]) == Window(2, 3)
    assert quiet_second([9, 9, 7, 8]) == 7
