from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow.parquet as pq
import pytest
from pyarrow import concat_tables

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets.orchestration import checks
from amocrm_assets.rows import rows_name
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, checks_of
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE
from amocrm_assets_tests.rows.days import rewrite_rows

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

DAY = date.fromisoformat(LAST)
ALL = {
    "reading_complete", "timezone", "authorisation_lasts", "custom_fields_exist", "no_oddities", "ids_unique",
    "equals_rows",
}  # fmt: skip


def shown(verdict: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {name: value.value for name, value in verdict.metadata.items()}


@pytest.mark.slow
def test_a_sound_range_passes_every_check(pipeline: Pipeline) -> None:
    verdicts = checks_of(pipeline.run(FIRST, LAST))
    assert {name: verdict.passed for name, verdict in verdicts.items()} == dict.fromkeys(ALL, True)
    assert {name: shown(verdict).get("days") for name, verdict in verdicts.items()} == {
        **dict.fromkeys(ALL, 4),
        "authorisation_lasts": None,
    }


@pytest.fixture
def unsound(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> dict[str, dg.AssetCheckEvaluation]:
    """Verdicts on a day at which everything is amiss that may be amiss and still give rows."""
    pipeline.sandbox.configure(filters_enabled=False, long_lived_until=int(time.time()) + 5 * 86400)
    monkeypatch.setenv(TOKEN_VARIABLE, pipeline.sandbox.token)
    stamps = pipeline.sandbox.account.stamps()
    lead = max(lead for lead, at in stamps.items() if at < 1741600000)
    pipeline.sandbox.account.edit(lead, touch=False, price="a lot")
    pipeline.configure(timezone="Asia/Vladivostok", leads_custom_fields=["Горд"])
    result = pipeline.run("2025-03-08", LAST)
    assert result.success
    return checks_of(result)


def test_what_is_amiss_is_warned_about_and_fails_nothing(unsound: dict[str, dg.AssetCheckEvaluation]) -> None:
    warned = {name for name, verdict in unsound.items() if not verdict.passed}
    assert warned == {"reading_complete", "timezone", "authorisation_lasts", "custom_fields_exist", "no_oddities"}
    assert {unsound[name].severity for name in warned} == {dg.AssetCheckSeverity.WARN}

    ignored = unsound["reading_complete"]
    assert "ignores filters" in str(ignored.description)
    assert shown(ignored).items() >= {"days": 3, "bad_days": 3, "which_days": "2025-03-08 to 2025-03-10"}.items()
    assert "leads: filters_ignored" in str(shown(ignored)["findings"])

    zone = unsound["timezone"]
    assert "account's time zone is Europe/Moscow" in str(zone.description)

    ends = unsound["authorisation_lasts"]
    assert "ends in 4 days. Make a new token" in str(ends.description)
    assert TOKEN_VARIABLE in str(ends.description)

    fields = unsound["custom_fields_exist"]
    assert "no custom field `Горд` (did you mean `Город`" in str(fields.description)

    odd = unsound["no_oddities"]
    assert shown(odd)["oddities"] == 1
    assert "sale: text instead of an integer" in str(shown(odd)["worst"])


@pytest.mark.slow
def test_zones_of_other_names_with_the_same_midnights_are_one(pipeline: Pipeline) -> None:
    pipeline.configure(timezone="Europe/Simferopol")
    assert checks_of(pipeline.run(LAST, only=["raw_leads"]))["timezone"].passed


def test_a_reading_without_proof_fails_the_check_as_an_error() -> None:
    error = ReadingUnproven("Reading a window", cause="two passes differ.", fix="Report it.", day=LAST)
    verdict = checks.reading_unproven(error)
    assert (verdict.check_name, verdict.passed, verdict.severity) == (
        "reading_complete",
        False,
        dg.AssetCheckSeverity.ERROR,
    )
    assert "two passes differ. Report it." in str(verdict.description)


def test_a_finding_by_which_leads_may_be_missing_fails_the_check_as_an_error(pipeline: Pipeline) -> None:
    pipeline.sandbox.configure(only_deleted_ignored=True)
    verdict = checks_of(pipeline.run(LAST, only=["raw_leads"]))["reading_complete"]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "with=only_deleted" in str(verdict.description)
    assert "import_deleted: false" in str(verdict.description)
    assert str(shown(verdict)["cause"]).endswith("Deleted ones of these days are missing.")
    assert "import_deleted: false" in str(shown(verdict)["fix"])


@pytest.mark.slow
def test_checks_of_stored_days_run_alone_and_find_what_was_changed_since(pipeline: Pipeline) -> None:
    pipeline.run(FIRST, LAST)
    with pipeline.storage.as_local_path(rows_name(LEADS.table, "acme", DAY)) as path:
        rows = pq.read_table(path)
        twice = concat_tables([rows, rows.slice(0, 1)])
        rewrite_rows(path, twice)

    repeated = pipeline.check("leads", "ids_unique")
    assert not repeated.passed
    assert repeated.severity == dg.AssetCheckSeverity.ERROR
    assert shown(repeated) == {
        "days": 4,
        "bad_days": 1,
        "which_days": LAST,
        "example_ids": str(rows["id"][0]),
        "cause": "Leads are in the rows of a day more than once, or its rows cannot be read.",
        "fix": "Materialise `leads` for these days again.",
    }
    assert repeated.description == f"{shown(repeated)['cause']} {shown(repeated)['fix']}"

    differing = pipeline.check("amoCrmLeads", "equals_rows")
    assert not differing.passed
    assert shown(differing)["examples"] == f"{LAST}: {rows.num_rows} instead of {twice.num_rows} rows"


def test_a_check_alone_before_anything_was_materialised_passes_on_no_day(pipeline: Pipeline) -> None:
    assert shown(pipeline.check("amoCrmLeads", "equals_rows")) == {"days": 0, "bad_days": 0}
