"""`amocrm-assets forget`: what it refuses, what it prints, and that it proves what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.storage import open_storage
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.rows.days import keep, lead

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets_tests.cli.conftest import Command

ATTRIBUTES = {"subdomain": "acme", "access_token_env": "TOKEN", "start_date": "2026-01-01"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source with a capture of two leads."""
    monkeypatch.setenv("AMOCRM_SOURCES", str(tmp_path / "sources"))
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/warehouse.duckdb")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    write_source(tmp_path / "sources", "acme", {**ATTRIBUTES, "timezone": "Europe/Moscow"})
    keep(open_storage(str(tmp_path / "data")), [lead(1, name="Марфа"), lead(2)])
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "names nobody"),
        (("--verify", "x", "--lead", "1"), "--verify looks at an earlier request"),
        (("--value", "ab"), "fewer than 3 characters"),
        (("--value", "142"), "fewer than 7 digits"),
        (("--verify", "x"), "there is none. There are: none yet"),
    ],
)
def test_what_would_forget_nobody_or_everybody_is_refused(
    folder: Path, run: Command, words: tuple[str, ...], expected: str
) -> None:
    ran = run("forget", "acme", *words)
    assert ran.status != 0
    assert expected in " ".join((ran.out + ran.err).split())
    assert not (folder / "data" / "privacy").exists()


def test_a_dry_run_a_request_and_its_proof(folder: Path, run: Command) -> None:
    plan = run("forget", "acme", "--value", "марфа", "--dry-run")
    assert (plan.status, "1 records in 1 captures" in plan.out) == (0, True)
    assert not (folder / "data" / "privacy").exists()

    done = run("forget", "acme", "--value", "марфа", "--json")
    report = done.json()
    assert (done.status, report["status"], len(report["captures"])) == (0, "done", 1)
    assert "арфа" not in done.out

    proof = run("forget", "acme", "--verify", report["request"])
    assert (proof.status, proof.out.strip()) == (0, f"{report['request']}: nothing is left.")

    keep(open_storage(str(folder / "data")), [lead(1, name="Марфа")], number=3)  # of a backup
    again = run("forget", "acme", "--verify", report["request"], "--json")
    assert (again.status, len(again.json()["left"])) == (1, 1)
