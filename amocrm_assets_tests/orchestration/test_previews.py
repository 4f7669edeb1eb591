from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets_tests.orchestration.conftest import LAST

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline


def test_a_preview_shows_some_rows_as_a_table(pipeline: Pipeline) -> None:
    pipeline.run(LAST, only=["raw_leads", "leads"])
    head, line, *rows = pipeline.materialised("leads")[LAST]["preview"].splitlines()
    assert head.startswith("| id | name | status_id | sale | updated_at | custom_fields |")
    assert set(line) == {"|", " ", "-"}
    assert len(rows) == 5
    assert all(row.count(" | ") == head.count(" | ") for row in rows)


def test_without_names_a_preview_holds_nothing_personal(pipeline: Pipeline) -> None:
    lead = max(lead for lead, at in pipeline.sandbox.account.stamps().items() if at < 1741640000)
    pipeline.sandbox.account.edit(lead, touch=False, name="Anna Example")
    pipeline.configure(import_lead_name=False)
    pipeline.run(LAST, only=["raw_leads", "leads"])
    facts = str(pipeline.materialised("leads")) + str(pipeline.materialised("raw_leads"))
    preview = pipeline.materialised("leads")[LAST]["preview"]
    assert "Anna Example" not in facts
    assert "name" not in preview.splitlines()[0]
    assert "custom_fields" not in preview.splitlines()[0]


def test_a_cell_cannot_break_the_table_and_long_texts_are_cut(pipeline: Pipeline) -> None:
    newest = max(pipeline.sandbox.account.stamps().items(), key=lambda item: (item[1] < 1741640000, -item[0]))[0]
    pipeline.sandbox.account.edit(newest, touch=False, name="a | b\n" + "x" * 100)
    pipeline.run(LAST, only=["raw_leads", "leads"])
    preview = pipeline.materialised("leads")[LAST]["preview"]
    assert len(preview.splitlines()) == 7
    assert "| a \\| b xxxxx" in preview or "a | b" not in preview


def test_a_day_without_leads_says_so(pipeline: Pipeline) -> None:
    pipeline.configure(start_date="2001-01-01")
    pipeline.run("2001-01-01", only=["raw_leads", "leads"])
    assert pipeline.materialised("leads")["2001-01-01"]["preview"] == "No lead was updated on this day."
