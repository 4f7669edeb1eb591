"""Tests of `crm.authorisation.token_store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.authorisation.token_store import TokenStore
from amocrm_assets.errors import NotAuthorised
from amocrm_assets_tests.crm.authorisation.sources import pair

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_kept_is_read_again(store: TokenStore) -> None:
    assert store.read() is None
    written = store.write(pair(), if_version=None)
    assert written is not None
    assert store.read() == written
    assert written.tokens == pair()


def test_the_file_is_private(store: TokenStore, tmp_path: Path) -> None:
    store.replace(pair())
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("tokens.json")}
    assert modes == {"tokens.json": 0o600}


def test_a_pair_that_somebody_changed_is_not_overwritten(store: TokenStore) -> None:
    first = store.write(pair(1), if_version=None)
    assert first is not None
    assert store.write(pair(2), if_version=first.version) is not None
    assert store.write(pair(3), if_version=first.version) is None
    kept = store.read()
    assert kept is not None
    assert kept.tokens == pair(2)


@pytest.mark.parametrize("content", [b"", b'{"access_token": "MARKED', b"\xff", b'{"format": 1}', b"{}", b"[]"])
def test_a_damaged_file_is_named_and_connecting_replaces_it(
    store: TokenStore, tmp_path: Path, content: bytes
) -> None:
    store.replace(pair())
    (tmp_path / "acme/tokens.json").write_bytes(content)
    with pytest.raises(NotAuthorised, match=r"acme/tokens\.json: .*connect acme") as caught:
        store.read()
    assert "MARKED" not in str(caught.value)
    store.replace(pair(2))
    kept = store.read()
    assert kept is not None
    assert kept.tokens == pair(2)


def test_a_newer_format_is_not_guessed_at(store: TokenStore, tmp_path: Path) -> None:
    store.replace(pair())
    file = tmp_path / "acme/tokens.json"
    file.write_bytes(file.read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(NotAuthorised, match="this version does not support its format 2"):
        store.read()


def test_forgetting_leaves_no_token_behind(store: TokenStore, tmp_path: Path) -> None:
    store.replace(pair())
    assert store.forget() is True
    assert store.forget() is False
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes()] == []


def test_what_a_killed_writer_left_is_swept_with_the_next_change(store: TokenStore, tmp_path: Path) -> None:
    store.replace(pair())
    left = tmp_path / "acme/.tokens.json.0123.partial"
    left.write_text("MARKED")
    store.replace(pair(2))
    assert not left.exists()


def test_a_newer_format_with_other_fields_asks_for_an_upgrade(store: TokenStore, tmp_path: Path) -> None:
    store.replace(pair())
    (tmp_path / "acme/tokens.json").write_bytes(b'{"format": 99, "grants": []}')
    with pytest.raises(NotAuthorised, match=r"does not support its format 99\. Upgrade amocrm-assets"):
        store.read()


def test_a_file_that_does_not_say_its_format_is_not_taken_for_the_present_one(
    store: TokenStore, tmp_path: Path
) -> None:
    store.replace(pair())
    file = tmp_path / "acme/tokens.json"
    file.write_bytes(file.read_bytes().replace(b'"format":1,', b""))
    with pytest.raises(NotAuthorised, match="it is damaged"):
        store.read()
