"""When a run opens and closes its client. For whole runs see `test_run_client`."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import pytest

from amocrm_assets.orchestration.run_client import RunClient
from amocrm_assets.orchestration.run_listener import is_listened_to, listening, report_progress, report_retry
from amocrm_assets_tests.orchestration.test_step_days import Progress


class Clients:
    """Opens clients and notes which of them are closed."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed: list[int] = []

    def open(self) -> Any:
        self.opened += 1
        number, scope = self.opened, SimpleNamespace(cancelled=False)

        def close() -> None:
            scope.cancelled = True
            if number not in self.closed:
                self.closed.append(number)

        return SimpleNamespace(number=number, scope=scope, close=close)


def test_all_uses_of_a_run_have_one_client_until_it_is_closed() -> None:
    clients, kept = Clients(), RunClient()
    for _ in range(2):
        with kept.use(clients.open) as client:
            assert client.number == 1  # type: ignore[attr-defined]
    assert clients.closed == []
    kept.close()
    kept.close()
    assert clients.closed == [1]
    with kept.use(clients.open) as client:
        assert client.number == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_or_a_signal_closes_the_client_before_it_goes_on(error: type[BaseException]) -> None:
    clients, kept = Clients(), RunClient()
    with pytest.raises(error), kept.use(clients.open):
        raise error
    assert clients.closed == [1]
    with kept.use(clients.open):
        assert (clients.opened, clients.closed) == (2, [1])


def test_a_client_whose_requests_were_ended_by_others_is_replaced() -> None:
    clients, kept = Clients(), RunClient()
    with kept.use(clients.open) as client:
        pass
    client.scope.cancelled = True  # type: ignore[misc]
    with kept.use(clients.open):
        assert clients.opened == 2


def test_a_client_that_nobody_closes_ends_with_what_held_it() -> None:
    clients, kept = Clients(), RunClient()
    with kept.use(clients.open):
        pass
    del kept
    gc.collect()
    assert clients.closed == [1]


def test_only_a_run_within_listening_is_told_of() -> None:
    progress = Progress()
    report_progress("raw_leads", 1, 2)
    report_retry("no answer.", 60)
    assert not is_listened_to()
    with listening(progress):
        assert is_listened_to()
        report_progress("raw_leads", 2, 2)
    assert not is_listened_to()
    report_progress("raw_leads", 3, 3)
    assert progress.days == [("raw_leads", 2, 2)]
