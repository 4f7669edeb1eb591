from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets_tests.orchestration.conftest import LAST

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

COLUMNS = ["id", "name", "status_id", "sale", "updated_at", "custom_fields"]


def preview_of(pipeline: Pipeline) -> tuple[list[str], list[dict[str, object]]]:
    """Columns and rows of the preview of the last day."""
    pipeline.run(LAST, only=["raw_leads", "leads"])
    table = pipeline.materialised("leads")[LAST]["preview"]
    return [column.name for column in table.schema.columns], [dict(record.data) for record in table.records]


def newest_lead(pipeline: Pipeline) -> int:
    """The lead with the smallest id of those that a preview shows."""
    start, end = 1741554000, 1741640399
    return min(lead for lead, at in pipeline.sandbox.account.stamps().items() if start <= at <= end)


def test_a_preview_shows_some_rows_as_a_table(pipeline: Pipeline) -> None:
    columns, rows = preview_of(pipeline)
    assert columns == COLUMNS
    assert len(rows) == 5
    assert all(row.keys() == set(COLUMNS) for row in rows)
    assert rows[0]["id"] == str(newest_lead(pipeline))


def test_without_names_a_preview_holds_nothing_personal(pipeline: Pipeline) -> None:
    pipeline.sandbox.account.edit(newest_lead(pipeline), touch=False, name="Anna Example")
    pipeline.configure(import_lead_name=False)
    columns, _ = preview_of(pipeline)
    assert columns == ["id", "status_id", "sale", "updated_at"]
    facts = str(pipeline.materialised("leads")) + str(pipeline.materialised("raw_leads"))
    assert "Anna Example" not in facts


def test_a_cell_is_one_line_that_shows_every_character_and_long_texts_are_cut(pipeline: Pipeline) -> None:
    pipeline.sandbox.account.edit(newest_lead(pipeline), touch=False, name="a | b\n\u202e" + "x" * 150)
    _, rows = preview_of(pipeline)
    assert rows[0]["name"] == "a | b \\u202e" + "x" * 87 + "…"


def test_a_day_without_leads_says_so(pipeline: Pipeline) -> None:
    pipeline.configure(start_date="2001-01-01")
    pipeline.run("2001-01-01", only=["raw_leads", "leads"])
    assert pipeline.materialised("leads")["2001-01-01"]["preview"] == "No lead was updated on this day."
