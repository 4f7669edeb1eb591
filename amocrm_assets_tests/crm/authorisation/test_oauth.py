"""Tests of `crm.authorisation.oauth` with another side that can be told to fail at a given moment.

The whole life against the sandbox is in `test_life`.
"""

from __future__ import annotations

import threading
from dataclasses import fields

import pytest
from msgspec.structs import replace

from amocrm_assets.crm.authorisation.token_endpoint import NotReceived, ResponseLost
from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.errors import AmoCrmAssetsError, NotAuthorised
from amocrm_assets_tests.crm.authorisation.sources import DAY, NOW, Rotation, failed, opened, pair, stored


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


@pytest.mark.parametrize(
    ("lifetime", "left", "is_refreshed"), [(DAY, 60, False), (DAY, 59, True), (110, 11, False), (110, 10, True)]
)
def test_a_token_is_refreshed_a_minute_or_a_tenth_of_its_lifetime_before_its_end(
    store: TokenStore, rotation: Rotation, lifetime: int, left: int, *, is_refreshed: bool
) -> None:
    store.replace(replace(pair(1), obtained_at=NOW + left - lifetime, expires_at=NOW + left))
    assert opened(store, rotation).token() == f"MARKED-access-{1 + is_refreshed}"


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


def test_the_end_is_that_of_the_unused_refresh_token(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    assert opened(store, rotation).expires_at() == NOW - DAY + 89 * DAY


def test_no_secret_is_shown(store: TokenStore, rotation: Rotation) -> None:
    store.replace(pair(1))
    authorisation = opened(store, rotation)
    authorisation.token()
    rotation.errors = [failed(ResponseLost)]
    with pytest.raises(ResponseLost):  # the token that must not be sent again is remembered
        authorisation.renew("MARKED-access-1")
    assert "MARKED" not in f"{authorisation!r} {store.read()!r} {stored(store)}"
    assert {each.name for each in fields(authorisation) if each.repr} == {
        "source",
        "settings",
        "store",
        "endpoint",
    }
    assert {each.name for each in fields(authorisation) if not each.init} == {"_tokens", "_spent", "_refreshing"}
