"""Personal data on its way into captures: the key, what the header says, and how older captures are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.captures import capture_names, open_capture, read_header
from amocrm_assets.capturing import capture_days
from amocrm_assets.capturing_reference import capture_reference
from amocrm_assets.checking import check_source
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import SettingsError
from amocrm_assets.rows import read_rows, write_rows
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.accounts import DAY, client_of, leads_of, sandbox_with, source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.storage import Storage

KEYS = ("the first key of the tests", "the second key of the tests")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(leads_of(DAY, 12)) as running:
        yield running


def capture(sandbox: Sandbox, storage: Storage, **changes: Any) -> CapturedDay:
    with client_of(sandbox) as client:
        (captured,) = capture_days(LEADS, source(**changes), [DAY], client=client, storage=storage)
    return captured


def lines_of(storage: Storage, name: str) -> list[bytes]:
    with open_capture(LEADS, storage, name) as opened:
        return list(opened.records)


def test_without_a_key_nothing_is_asked_and_nothing_written(
    sandbox: Sandbox, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AMOCRM_HASH_KEY", raising=False)
    with client_of(sandbox) as client:
        for read in (
            lambda: list(capture_days(LEADS, source(hash_fields=["name"]), [DAY], client=client, storage=storage)),
            lambda: capture_reference(source(hash_fields=["name"]), client=client, storage=storage),
        ):
            with pytest.raises(SettingsError, match="AMOCRM_HASH_KEY") as refused:
                read()
            assert "openssl rand -hex 32" in refused.value.fix
        assert client.stats.requests == 0
    assert capture_names(LEADS, storage, "sandbox", DAY) == []


def test_a_capture_says_what_was_not_stored_and_one_of_everything_says_nothing(
    sandbox: Sandbox, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_HASH_KEY", KEYS[0])
    captured = capture(sandbox, storage, drop_fields=["Name", "EMAIL"], hash_fields=["phone"])
    privacy = read_header(LEADS, storage, captured.capture.name).privacy
    assert privacy is not None
    assert (privacy.dropped, privacy.hashed) == (("email", "name"), ("phone",))
    assert privacy.key == captured.metadata["hash_key"]
    assert KEYS[0] not in str(privacy)

    whole = capture(sandbox, storage)
    assert read_header(LEADS, storage, whole.capture.name).privacy is None
    assert "hash_key" not in whole.metadata


def test_lines_of_which_nothing_goes_are_those_of_a_source_that_drops_nothing(
    sandbox: Sandbox, storage: Storage
) -> None:
    whole = lines_of(storage, capture(sandbox, storage).capture.name)
    kept = lines_of(storage, capture(sandbox, storage, drop_fields=["there is no such field"]).capture.name)
    assert sorted(kept) == sorted(whole)


@pytest.mark.slow
def test_a_changed_key_is_noticed_once(
    sandbox: Sandbox, storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = []
    for key in (KEYS[0], KEYS[0], KEYS[1], KEYS[1]):
        monkeypatch.setenv("AMOCRM_HASH_KEY", key)
        changed.append(capture(sandbox, storage, hash_fields=["name"]).metadata["hash_key_changed"])
    assert changed == [False, False, True, False]

    monkeypatch.setenv("AMOCRM_HASH_KEY", KEYS[0])
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", sandbox.token)
    deployment = Deployment(
        warehouse=f"duckdb:///{tmp_path}/w.duckdb", storage=str(tmp_path / "data"), tokens=str(tmp_path / "tokens")
    )
    given = source(hash_fields=["name"], base_url=sandbox.url)
    (result,) = (each for each in check_source(given, deployment) if each.step == "personal data")
    assert result.outcome == "warning"
    assert "another key" in result.message


def test_a_capture_that_is_hashed_is_not_hashed_again_when_more_is_hashed(
    sandbox: Sandbox, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_HASH_KEY", KEYS[0])
    hashed = capture(sandbox, storage, hash_fields=["name"])
    names = [json.loads(line)["name"] for line in lines_of(storage, hashed.capture.name)]
    more = source(hash_fields=["name", "Город"])
    write_rows(LEADS, storage, more, DAY)
    assert sorted(read_rows(LEADS.table, storage, "sandbox", [DAY])["name"]) == sorted(names)
    assert {len(name) for name in names} == {64}


def test_only_chosen_fields_reach_a_capture(sandbox: Sandbox, storage: Storage) -> None:
    whole = [json.loads(line) for line in lines_of(storage, capture(sandbox, storage).capture.name)]
    fields = [field for lead in whole for field in lead["custom_fields_values"] or ()]
    chosen = fields[0]["field_name"]
    assert len({field["field_name"] for field in fields}) > 1

    kept = capture(sandbox, storage, leads_custom_fields=[chosen], store_only_chosen=True)

    left = [json.loads(line) for line in lines_of(storage, kept.capture.name)]
    assert {field["field_name"] for lead in left for field in lead["custom_fields_values"] or ()} == {chosen}
