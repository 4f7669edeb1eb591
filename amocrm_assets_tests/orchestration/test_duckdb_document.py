"""The program and the queries of `docs/duckdb.md`, run in a project as their reader runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

import amocrm_assets
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

DOCUMENT = (Path(amocrm_assets.__file__).parents[1] / "docs" / "duckdb.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
# The day that the document asks for, and one that the sandbox has.
DAY, ITS_DAY = "20260131", LAST.replace("-", "")


@pytest.fixture
def project(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the documented source and a few of its days, and the working directory in it."""
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "project" / "data"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/project/data/warehouse.duckdb")
    pipeline.sandbox.configure(subdomain="my-shop")
    pipeline.configure(subdomain="my-shop")
    assert pipeline.run(FIRST, LAST).success
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_every_query_of_the_document_answers(project: Path) -> None:
    assert len(QUERIES) == 5
    with duckdb.connect(project / "data" / "warehouse.duckdb") as warehouse:
        warehouse.execute('CREATE TABLE "amoCrmLeadsLatest_my-shop" (id BIGINT)')  # no shard
    with duckdb.connect(project / "data" / "warehouse.duckdb", read_only=True) as warehouse:
        responses = [warehouse.sql(query.replace(DAY, ITS_DAY)).fetchall() for query in QUERIES]
    tables, days, latest, fields, times = responses
    assert [name for name, _ in tables] == [f"amoCrmLeads_my-shop_202503{day:02}" for day in range(7, 11)]
    assert [day for day, *_ in days] == [f"2025-03-{day:02}" for day in range(7, 11)]
    ids = [lead for lead, *_ in latest]
    assert len(ids) == len(set(ids)) > 0
    assert fields
    assert {updated.date().isoformat() for _, updated in times} == {LAST}


def test_the_program_of_the_document_prints(project: Path) -> None:
    (program,) = re.findall(r"```python\n# ask.py.*?\n(.*?)```", DOCUMENT, re.DOTALL)
    (project / "ask.py").write_text(program.replace(DAY, ITS_DAY), encoding="utf-8")
    ran = subprocess.run([sys.executable, "ask.py"], capture_output=True, text=True, check=True)
    assert "leads" in ran.stdout


def test_a_hyphenated_name_without_quotes_is_refused_as_the_document_says(project: Path) -> None:
    with (
        duckdb.connect(project / "data" / "warehouse.duckdb", read_only=True) as warehouse,
        pytest.raises(duckdb.ParserException, match="-"),
    ):
        warehouse.sql("SELECT * FROM amoCrmLeads_my-shop_20250310")
