"""What a refresh keeps when the stored tokens change under it, or when the store takes no writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.cancellation import CancelScope
from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.errors import Busy, NotAuthorised, StorageRefused, StorageUnavailable
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.crm.authorisation.sources import NOW, Rotation, failed, opened, pair, source, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.authorisation.oauth import OAuth
    from amocrm_assets.crm.authorisation.token_endpoint import TokenResponse
    from amocrm_assets.crm.authorisation.token_store import StoredTokens, VersionedTokens


@pytest.fixture
def full_store(tmp_path: Path) -> FullStore:
    """A store with a pair, whose writes a test may have refused."""
    store = FullStore.of(source(), Deployment(tokens=str(tmp_path)))
    store.replace(pair(1))
    return store


def opened_by_a_cancelled_run(store: TokenStore, rotation: Rotation) -> OAuth:
    """An authorisation whose waits end at once with `Cancelled`."""
    scope = CancelScope()
    scope.cancel()
    authorisation = opened(store, rotation)
    authorisation.sleep = scope.sleep
    return authorisation


def test_a_refusal_is_no_failure_when_somebody_else_has_refreshed(store: TokenStore) -> None:
    """As after a lease that ran out while its holder slept."""
    store.replace(pair(1))
    authorisation = opened(store, Overtaken(lambda: store.write(pair(2), if_version=version(store))))
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-2"


def test_whoever_connected_meanwhile_is_not_overwritten(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    authorisation = opened(
        store, Overtaken(lambda: store.write(pair(9), if_version=version(store)), then=rotation)
    )
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-9"
    assert stored(store) == pair(9)


def test_a_pair_survives_a_second_process_that_begins_with_the_spent_token(
    store: TokenStore, rotation: Rotation
) -> None:
    store.replace(pair(1))
    begins = pair(1, refreshing_since=NOW + 1)
    authorisation = opened(store, Overtaken(lambda: store.write(begins, if_version=version(store)), then=rotation))
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-2"
    assert stored(store).access_token == "MARKED-access-2"


def test_whoever_disconnected_meanwhile_stays_disconnected(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    authorisation = opened(store, Overtaken(lambda: Path(store.place).unlink(), then=rotation))
    with pytest.raises(NotAuthorised, match="is not connected"):
        authorisation.renew("MARKED-access-1")
    assert store.read() is None


def test_a_store_that_takes_no_writes_keeps_the_refresh_token_unspent(
    full_store: FullStore, rotation: Rotation
) -> None:
    full_store.refuses = 1
    with pytest.raises(StorageRefused):
        opened(full_store, rotation).renew("MARKED-access-1")
    assert rotation.used == []


def test_a_store_that_fails_for_a_moment_after_the_refresh_loses_nothing(
    full_store: FullStore, rotation: Rotation
) -> None:
    full_store.spares, full_store.refuses = 1, 3
    authorisation, waits = opened(full_store, rotation), list[float]()
    authorisation.sleep = waits.append
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-2"
    assert waits == [1, 2, 4]
    assert stored(full_store).access_token == "MARKED-access-2"


def test_a_new_pair_is_stored_though_the_run_is_cancelled_while_the_store_fails(
    full_store: FullStore, rotation: Rotation
) -> None:
    full_store.spares, full_store.refuses = 1, 1
    authorisation = opened_by_a_cancelled_run(full_store, rotation)
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-2"
    assert stored(full_store).access_token == "MARKED-access-2"


def test_after_a_cancellation_a_store_that_fails_is_tried_once_more(
    full_store: FullStore, rotation: Rotation
) -> None:
    full_store.spares, full_store.refuses = 1, 99
    authorisation = opened_by_a_cancelled_run(full_store, rotation)
    with pytest.raises(NotAuthorised, match="could not be stored"):
        authorisation.renew("MARKED-access-1")
    assert full_store.refuses == 99 - 2


@pytest.mark.parametrize("reads_failed", [2, 99])
def test_a_new_pair_is_stored_though_the_store_cannot_be_read_for_a_moment(
    full_store: FullStore, rotation: Rotation, reads_failed: int
) -> None:
    def another_begins() -> None:
        full_store.write(pair(1, refreshing_since=NOW + 1), if_version=version(full_store))
        full_store.hides = reads_failed

    authorisation = opened(full_store, Overtaken(another_begins, then=rotation))
    if reads_failed == 99:
        with pytest.raises(NotAuthorised, match="could not be stored"):
            authorisation.renew("MARKED-access-1")
        return
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-2"
    assert stored(full_store).access_token == "MARKED-access-2"


def test_a_store_that_fails_for_good_after_the_refresh_says_how_to_go_on(
    full_store: FullStore, rotation: Rotation
) -> None:
    full_store.spares, full_store.refuses = 1, 99
    authorisation = opened(full_store, rotation)
    for _ in range(2):  # another thread must not send the spent token again
        with pytest.raises(NotAuthorised, match=r"could not be stored in .*then run `amocrm-assets connect acme`"):
            authorisation.renew("MARKED-access-1")
    assert rotation.used == ["MARKED-refresh-1"]


def version(store: TokenStore) -> str:
    kept = store.read()
    assert kept is not None
    return kept.version


@dataclass
class Overtaken:
    """Another side where something happens while a refresh is under way."""

    happens: Callable[[], object]
    then: Rotation = field(default_factory=lambda: Rotation(errors=[failed(NotAuthorised)]))

    def refresh(self, refresh_token: str) -> TokenResponse:
        self.happens()
        return self.then.refresh(refresh_token)


class FullStore(TokenStore):
    """A store that spares some writes and refuses some after that, and may hide the pair for some reads."""

    spares = 0
    refuses = 0
    hides = 0

    def read(self) -> VersionedTokens | None:
        if self.hides:
            self.hides -= 1
            raise failed(StorageUnavailable)
        return super().read()

    def write(self, pair: StoredTokens, *, if_version: str | None) -> VersionedTokens | None:
        if self.spares:
            self.spares -= 1
        elif self.refuses:
            self.refuses -= 1
            raise failed(StorageRefused)
        return super().write(pair, if_version=if_version)


def test_a_refresh_that_could_not_be_announced_is_not_sent(
    store: TokenStore, rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(pair(1))
    monkeypatch.setattr(store, "write", lambda *_, **__: None)  # somebody else was quicker
    with pytest.raises(Busy, match="another process has just changed them"):
        opened(store, rotation).renew("MARKED-access-1")
    assert rotation.used == []
