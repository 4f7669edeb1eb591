"""What waits in a scope ends with it, and only with it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from amocrm_assets import cancellation
from amocrm_assets.cancellation import Cancelled, CancelScope
from amocrm_assets.storage import open_storage

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pause_without_a_scope_is_an_ordinary_one() -> None:
    begun = time.monotonic()
    cancellation.sleep(0.05)
    assert time.monotonic() - begun >= 0.05
    assert not cancellation.is_cancelled()


def test_a_pause_ends_when_another_thread_cancels_its_scope() -> None:
    scope = CancelScope()
    threading.Timer(0.2, scope.cancel).start()
    begun = time.monotonic()
    with scope.entered(), pytest.raises(Cancelled):
        cancellation.sleep(60)
    assert time.monotonic() - begun < 5


def test_a_callback_is_called_once_cancelled_and_not_after_its_body() -> None:
    scope, called = CancelScope(), []
    with scope.on_cancel(lambda: called.append("over")):
        pass
    with scope.on_cancel(lambda: called.append("during")):
        scope.cancel()
    with scope.on_cancel(lambda: called.append("late")):
        pass
    assert called == ["during", "late"]


def test_scopes_nest_and_end_with_their_body() -> None:
    outer, inner = CancelScope(), CancelScope()
    with outer.entered():
        with inner.entered():
            inner.cancel()
            assert cancellation.is_cancelled()
        assert not cancellation.is_cancelled()


def test_a_lock_that_another_holds_is_not_waited_for_any_more(tmp_path: Path) -> None:
    storage, scope = open_storage(str(tmp_path)), CancelScope()
    threading.Timer(0.2, scope.cancel).start()
    again = storage.lock("x", wait_seconds=600)
    with storage.lock("x", wait_seconds=0), scope.entered(), pytest.raises(Cancelled), again:
        raise AssertionError("held twice")
