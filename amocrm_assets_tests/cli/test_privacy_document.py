"""`docs/privacy.md` as a reader follows it: its settings are accepted, its commands do what it says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from amocrm_assets.captures import all_captures, open_capture
from amocrm_assets.captures.privacy import RecordLines
from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.assets.retention import CHECK
from amocrm_assets.orchestration.names import RETENTION
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.privacy.rules import KINDS
from amocrm_assets.settings import SourceSettings, hash_key
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.rows.days import field, keep, lead

if TYPE_CHECKING:
    from amocrm_assets_tests.cli.conftest import Command

TEXT = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
ATTRIBUTES: dict[str, Any] = {"subdomain": "my-shop", "access_token_env": "TOKEN", "start_date": "2026-01-01"}
PHONE, MAIL = "8 (916) 555-01-23", "Marfa@Mail.example"


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_settings_of_the_page_do_what_it_says() -> None:
    written, _ = blocks("yaml")
    source = SourceSettings(**ATTRIBUTES, **yaml.safe_load(written))
    assert source.drop_fields
    assert source.hash_fields == ["phone"]
    documented = {each for kind in KINDS.values() for each in kind}
    assert all(f"`{name}`" in TEXT for name in documented)


def test_old_captures_are_removed_as_the_page_says() -> None:
    _, written = blocks("yaml")
    source = SourceSettings(**ATTRIBUTES, **yaml.safe_load(written))
    job = f"{{source}}_{RETENTION}"
    assert f"the asset `{RETENTION}`, the job and schedule `{job}`" in TEXT
    schedule = source_definitions(source).resolve_schedule_def(job.format(source="my_shop"))
    assert schedule.cron_schedule == "30 3 * * *"
    assert f"`{CHECK}`" in TEXT


def test_the_key_that_the_page_makes_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = blocks("sh")
    made = subprocess.run(shlex.split(key), capture_output=True, text=True, check=True, timeout=60).stdout
    assert hash_key(["phone"], {"AMOCRM_HASH_KEY": made})
    monkeypatch.setenv("AMOCRM_HASH_KEY", made)
    lines = RecordLines(LEADS, SourceSettings(**ATTRIBUTES, hash_fields=["phone"]))
    phones = (field("multitext", {"value": each}, field_code="PHONE") for each in (PHONE, "+7 916 555-01-23"))
    sent = (json.dumps({"id": 1, "custom_fields_values": [each]}).encode() for each in phones)
    first, second = (lines.written(each, dict) for each in sent)
    assert first == second
    assert b"555-01-23" not in first
    assert made.strip() not in str(lines.note)


def test_a_request_is_answered_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Command
) -> None:
    monkeypatch.setenv("AMOCRM_SOURCES", str(tmp_path / "sources"))
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/warehouse.duckdb")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    write_source(tmp_path / "sources", "my-shop", {**ATTRIBUTES, "timezone": "Europe/Moscow"})
    storage = open_storage(str(tmp_path / "data"))
    phone = field("multitext", {"value": PHONE}, field_code="PHONE")
    keep(storage, [lead(1, custom_fields_values=[phone]), lead(2, name=MAIL), lead(3)], subdomain="my-shop")
    _, commands = blocks("sh")
    looked, done, proven = (shlex.split(each)[1:] for each in commands.strip().splitlines())

    plan = run(*looked)
    assert (plan.status, "2 records in 1 captures" in plan.out) == (0, True)
    report = run(*done)
    assert report.status == 0
    request = report.out.strip().rpartition(" ")[2]
    assert re.fullmatch(r"[0-9TZ]+-[0-9a-f]{8}", request)
    assert re.fullmatch(r"[0-9TZ]+-[0-9a-f]{8}", proven[-1])
    proof = run(*proven[:-1], request)
    assert (proof.status, proof.out.strip()) == (0, f"{request}: nothing is left.")
    (capture,) = all_captures(LEADS, storage, "my-shop")
    with open_capture(LEADS, storage, capture.name) as opened:
        kept = b"".join(opened.records)
    assert not any(mark in kept for mark in (b"9165550123", b"555-01-23", b"Marfa"))
    assert kept.count(f'{{"amocrm_assets_forgotten":"{request}"}}'.encode()) == 2
    assert (tmp_path / "data" / "privacy" / "my-shop" / "requests" / f"{request}.txt").is_file()
