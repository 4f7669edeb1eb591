"""Which reader a list has, by its kind."""

from __future__ import annotations

from typing import cast

import pytest

from amocrm_assets.crm.pagination.appended_reader import AppendedReader
from amocrm_assets.crm.pagination.by_id_reader import ByIdReader
from amocrm_assets.crm.pagination.readers import reader_of
from amocrm_assets.crm.pagination.window_reader import WindowReader
from amocrm_assets.days import Window
from amocrm_assets.entities import CALLS, EVENTS, LEADS, TASKS, Entity

WINDOW = Window(1_000, 1_599)


@pytest.mark.parametrize(
    ("entity", "reader"),
    [(LEADS, WindowReader), (TASKS, ByIdReader), (CALLS, WindowReader), (EVENTS, AppendedReader)],
)
def test_the_lists_of_an_entity_are_read_by_the_reader_of_their_kind(entity: Entity, reader: type) -> None:
    lists = entity.lists(with_deleted=False)
    found = reader_of(cast("object", None), WINDOW, lists)  # type: ignore[arg-type]
    assert type(found) is reader
    # Every list is open before the first request.
    assert found.progress.open_intervals == (WINDOW,) * len(lists)
