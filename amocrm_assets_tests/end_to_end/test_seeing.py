"""What a person finds in Dagster's UI, in a real browser: what came from where, how much, why not, what now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets_tests.end_to_end import asking
from amocrm_assets_tests.end_to_end.browser import open_browser
from amocrm_assets_tests.end_to_end.launching import Launched, wait_for_all
from amocrm_assets_tests.end_to_end.pages import ROW_COUNT, Pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets_tests.end_to_end.deployment import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(600)]


# Not for longer than these tests: Playwright's event loop would be in the way of others.
@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, deployment: Deployment, launched: Launched) -> Iterator[Pages]:
    """The UI, once everything that was launched has ended."""
    wait_for_all(deployment, launched)
    with open_browser(tmp_path_factory.mktemp("browser")) as window:
        yield Pages(window, deployment.dagster.url)


def test_the_lineage_shows_where_the_shards_come_from(pages: Pages) -> None:
    pages.lineage("sandbox")
    pages.wait_for("amocrm", "Parquet", "pandas", "DuckDB", "3 / 3 Passed", "1 / 1 Passed")
    assert pages.across("raw_leads") < pages.across("leads") < pages.across("amoCrmLeads")


def test_the_page_of_an_asset_says_what_it_is_and_where_each_column_comes_from(pages: Pages) -> None:
    pages.asset("sandbox", "amoCrmLeads")
    pages.wait_for("amoCrmLeads_sandbox_YYYYMMDD", "what_the_keys_mean", "VARCHAR", "STRUCT[]")
    pages.wait_for(*(column.name for column in LEADS.table.columns))


def test_numbers_are_plotted_over_the_days(pages: Pages) -> None:
    pages.plots("sandbox", "raw_leads")
    pages.wait_for(ROW_COUNT, "requests", "rate_limit_wait_seconds", "duplicates")
    assert pages.window.locator("canvas").count() >= 4


def test_a_partition_shows_its_table(pages: Pages, deployment: Deployment) -> None:
    day = deployment.yesterday
    pages.partitions("sandbox", "amoCrmLeads", day)
    pages.wait_for("Materialized (31)", "Failed (0)", f"amoCrmLeads_sandbox_{day:%Y%m%d}")


def test_a_check_that_failed_shows_the_fix(pages: Pages) -> None:
    pages.check("spring_tea", "raw_leads", "timezone")
    pages.wait_for("The account's time zone is Asia/Yekaterinburg", "Set timezone in the source's defs.yaml")


def test_a_run_that_failed_shows_cause_and_fix(pages: Pages, launched: Launched) -> None:
    pages.run(launched.failed_run)
    pages.wait_for("the account is not paid", "Pay the amoCRM subscription")


def test_a_schedule_shows_its_switch_and_its_tick(
    pages: Pages, deployment: Deployment, launched: Launched
) -> None:
    asking.runs_of_tick(deployment.dagster, f"{launched.due}_daily")
    pages.schedule(f"{launched.due}_daily")
    pages.wait_for("1 run requested")
    assert pages.is_switched_on()


def test_a_backfill_shows_that_all_days_are_there(
    pages: Pages, deployment: Deployment, launched: Launched
) -> None:
    assert asking.ended_backfill(deployment.dagster, launched.backfill) == "COMPLETED_SUCCESS"
    pages.backfill(launched.backfill)
    pages.wait_for("100% completed", f"{deployment.month[0]}...{deployment.month[-1]}")


def test_no_page_with_settings_shows_a_token(pages: Pages, deployment: Deployment, launched: Launched) -> None:
    pages.resource("amocrm")
    seen = [pages.text()]
    pages.launchpad("sandbox")
    seen.append(pages.text())
    pages.run(launched.day_run)
    pages.wait_for("RUN_SUCCESS")
    seen.append(pages.text())
    tokens = (deployment.sound.token, deployment.troubled.token)
    assert not any(token in text for token in tokens for text in seen)
