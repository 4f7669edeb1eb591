from __future__ import annotations

import threading
import time
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import CancelScope
from amocrm_assets.crm.pagination.prefetch import prefetch
from amocrm_assets.daemon_pool import STOP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("most", [1, 2, 50])
def test_items_come_in_their_order(most: int) -> None:
    assert list(prefetch(iter(range(20)), most=most)) == list(range(20))
    assert list(prefetch(iter([]), most=most)) == []


def test_the_next_item_is_made_while_the_last_one_is_being_worked_on() -> None:
    second_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_made.set()
        yield 2

    taken = prefetch(items(), most=2)
    assert next(taken) == 1
    assert second_made.wait(10)
    assert list(taken) == [2]


def test_no_more_than_allowed_are_made_ahead() -> None:
    numbers = count()
    with closing(prefetch(numbers, most=3)) as taken:
        assert [next(taken), next(taken)] == [0, 1]
    assert next(numbers) <= 5


def test_what_was_made_before_an_error_comes_before_it() -> None:
    def items() -> Iterator[int]:
        yield from [1, 2]
        raise ValueError("no third")

    taken = prefetch(items(), most=8)
    assert [next(taken), next(taken)] == [1, 2]
    with pytest.raises(ValueError, match="no third"):
        next(taken)


def test_closing_ends_the_thread() -> None:
    before = threading.active_count()
    with closing(prefetch(count(), most=2)) as taken:
        assert next(taken) == 0
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_closing_first_ends_what_the_item_being_made_waits_for() -> None:
    scope = CancelScope()

    def items() -> Iterator[int]:
        yield 1
        scope.sleep(30)

    taken = prefetch(items(), most=2, scope=scope)
    assert next(taken) == 1
    begun = time.monotonic()
    taken.close()
    assert time.monotonic() - begun < STOP_SECONDS / 2


def test_nothing_is_stopped_at_the_end() -> None:
    scope = CancelScope()
    assert list(prefetch(iter([1, 2]), most=2, scope=scope)) == [1, 2]
    assert not scope.cancelled
