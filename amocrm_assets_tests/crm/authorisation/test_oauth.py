"""Tests of `crm.authorisation.oauth` with another side that can be told to fail at a given moment.

The whole life against the sandbox is in `test_life`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.authorisation.oauth import OAuth
from amocrm_assets.crm.authorisation.token_endpoint import NotReceived, ResponseLost
from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.errors import AmoCrmAssetsError, Busy, NotAuthorised, StorageRefused
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.crm.authorisation.sources import DAY, ENVIRONMENT, NOW, OAUTH, Rotation, pair, source

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.authorisation.oauth import Refresher
    from amocrm_assets.crm.authorisation.token_endpoint import TokenResponse
    from amocrm_assets.crm.authorisation.token_store import StoredTokens, VersionedTokens


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore.of(source(), Deployment(tokens=str(tmp_path)))


@pytest.fixture
def rotation() -> Rotation:
    return Rotation()


def opened(store: TokenStore, rotation: Refresher) -> OAuth:
    return OAuth(source(), OAUTH, store=store, endpoint=rotation, now=lambda: NOW, sleep=lambda _: None)


def stored(store: TokenStore) -> StoredTokens:
    kept = store.read()
    assert kept is not None
    return kept.tokens


def failed(kind: type[AmoCrmAssetsError]) -> AmoCrmAssetsError:
    return kind("Asking for tokens", cause="it was told to fail.", fix="Nothing.")


def test_a_token_with_time_left_is_used_as_it_is(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    assert opened(store, rotation).token() == "MARKED-access-1"
    assert rotation.used == []


def test_a_token_about_to_end_is_refreshed_and_stored_before_it_is_used(
    store: TokenStore, rotation: Rotation
) -> None:
    store.replace(pair(1, expires_at=NOW + 30))
    assert opened(store, rotation).token() == "MARKED-access-2"
    after = stored(store)
    assert (after.access_token, after.refresh_token) == ("MARKED-access-2", "MARKED-refresh-2")
    assert (after.obtained_at, after.expires_at, after.refreshing_since) == (NOW, NOW + DAY, None)
    assert after.connected == pair(1).connected


def test_a_refused_token_is_renewed_once_for_all_threads(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    authorisation = opened(store, rotation)
    renewed: list[str] = []
    threads = [
        threading.Thread(target=lambda: renewed.append(authorisation.renew("MARKED-access-1"))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert renewed == ["MARKED-access-2"] * 16
    assert rotation.used == ["MARKED-refresh-1"]


def test_a_pair_that_another_process_has_just_stored_is_adopted(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    authorisation = opened(store, rotation)
    assert authorisation.token() == "MARKED-access-1"
    store.replace(pair(5))
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-5"
    assert authorisation.token() == "MARKED-access-5"
    assert rotation.used == []


def test_a_source_that_was_never_connected_says_how(store: TokenStore, rotation: Rotation) -> None:
    with pytest.raises(NotAuthorised, match=r"is not connected\. Run `amocrm-assets connect acme`"):
        opened(store, rotation).token()
    assert opened(store, rotation).expires_at() is None


def test_tokens_of_another_integration_are_not_used(
    store: TokenStore, rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(pair(1))
    monkeypatch.setenv("ACME_ID", "integration-2")
    with pytest.raises(NotAuthorised, match="another integration than the settings name"):
        opened(store, rotation).token()


def test_a_refresh_that_never_reached_amocrm_leaves_the_pair_as_it_was(
    store: TokenStore, rotation: Rotation
) -> None:
    store.replace(pair(1))
    rotation.errors = [failed(NotReceived)]
    with pytest.raises(NotReceived):
        opened(store, rotation).renew("MARKED-access-1")
    assert stored(store) == pair(1)
    assert opened(store, rotation).renew("MARKED-access-1") == "MARKED-access-2"


def test_a_lost_answer_is_remembered_and_explains_the_refusal_after_it(
    store: TokenStore, rotation: Rotation
) -> None:
    store.replace(pair(1))
    rotation.errors = [failed(ResponseLost), failed(NotAuthorised)]
    with pytest.raises(ResponseLost):
        opened(store, rotation).renew("MARKED-access-1")
    assert stored(store) == pair(1, refreshing_since=NOW)
    with pytest.raises(NotAuthorised, match=r"began at 2026-09-21 14:13:20 UTC was interrupted.*connect acme"):
        opened(store, rotation).renew("MARKED-access-1")


@pytest.mark.parametrize("kind", [ResponseLost, NotAuthorised])
def test_threads_that_waited_for_a_refresh_that_failed_do_not_send_the_token_again(
    store: TokenStore, rotation: Rotation, kind: type[AmoCrmAssetsError]
) -> None:
    store.replace(pair(1))
    rotation.errors = [failed(kind)]
    authorisation = opened(store, rotation)
    for _ in range(3):
        with pytest.raises(kind):
            authorisation.renew("MARKED-access-1")
    assert rotation.used == []
    store.replace(pair(2))  # connected again meanwhile
    assert authorisation.renew("MARKED-access-1") == "MARKED-access-2"


def test_a_lost_answer_to_a_request_that_never_arrived_costs_nothing(
    store: TokenStore, rotation: Rotation
) -> None:
    store.replace(pair(1, refreshing_since=NOW - 60))
    assert opened(store, rotation).renew("MARKED-access-1") == "MARKED-access-2"
    assert stored(store).refreshing_since is None


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


def test_a_store_that_takes_no_writes_keeps_the_refresh_token_unspent(tmp_path: Path, rotation: Rotation) -> None:
    store = FullStore.of(source(), Deployment(tokens=str(tmp_path)))
    store.replace(pair(1))
    store.refuses = 1
    with pytest.raises(StorageRefused):
        opened(store, rotation).renew("MARKED-access-1")
    assert rotation.used == []


def test_a_store_that_fails_for_a_moment_after_the_refresh_loses_nothing(
    tmp_path: Path, rotation: Rotation
) -> None:
    store = FullStore.of(source(), Deployment(tokens=str(tmp_path)))
    store.replace(pair(1))
    store.spares, store.refuses = 1, 3
    assert opened(store, rotation).renew("MARKED-access-1") == "MARKED-access-2"
    assert stored(store).access_token == "MARKED-access-2"


def test_a_store_that_fails_for_good_after_the_refresh_says_how_to_go_on(
    tmp_path: Path, rotation: Rotation
) -> None:
    store = FullStore.of(source(), Deployment(tokens=str(tmp_path)))
    store.replace(pair(1))
    store.spares, store.refuses = 1, 99
    with pytest.raises(NotAuthorised, match=r"could not be stored in .*then run `amocrm-assets connect acme`"):
        opened(store, rotation).renew("MARKED-access-1")


def test_the_end_is_that_of_the_unused_refresh_token(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    assert opened(store, rotation).expires_at() == NOW - DAY + 89 * DAY


def test_no_secret_is_shown(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    authorisation = opened(store, rotation)
    authorisation.token()
    assert "MARKED" not in f"{authorisation!r} {store.read()!r} {stored(store)}"


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
    """A store that spares some writes and refuses some after that."""

    spares = 0
    refuses = 0

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
