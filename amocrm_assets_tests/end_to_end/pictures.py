"""Takes the pictures of README and docs. `make pictures` runs it.

They show an invented account in a deployment made for them, through the same pages as the tests.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amocrm_assets.entities import ENTITIES, STAGES, latest_table
from amocrm_assets.entities.latest import with_latest
from amocrm_assets.entities.loads import LOADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.orchestration.assets import chain_names
from amocrm_assets_tests.end_to_end.browser import open_browser
from amocrm_assets_tests.end_to_end.deployment import running_deployment
from amocrm_assets_tests.end_to_end.launching import launch, launch_whole, wait_for_all
from amocrm_assets_tests.end_to_end.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import FloatRect

    from amocrm_assets_tests.end_to_end.deployment import Deployment
    from amocrm_assets_tests.end_to_end.launching import Launched

WIDTH, HEIGHT = 1280, 720
# As wide as many laptops, and so high that pages need not be scrolled.
TOUR_WIDTH, TOUR_HEIGHT = 1400, 2400
# Dagster's own navigation takes the left; what is meant is beside it.
PAGE: FloatRect = {"x": 240, "y": 0, "width": WIDTH - 240, "height": HEIGHT}
# The graph is in the middle of its canvas, which has buttons at the right.
GRAPH: FloatRect = {"x": 290, "y": 232, "width": 940, "height": 376}
# Every asset of an account of which everything is imported, with and without days.
DAILY = [name for entity in ENTITIES for name in chain_names(entity)]
ONCE = [
    REFERENCE.raw_asset,
    *(table.warehouse_name for table in REFERENCE_TABLES),
    *(latest_table(entity.table).warehouse_name for entity in with_latest(ENTITIES, wanted=True)),
    STAGES.warehouse_name,
    LOADS.warehouse_name,
]
# A graph glides to its place, plots draw themselves: no event tells when they are done.
SETTLED_SECONDS = 3


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--tour", type=click.Path(path_type=Path), help="Folder for a picture of every page.")
def main(folder: Path, tour: Path | None) -> None:
    """Write the pictures of the documents into FOLDER."""
    for each in filter(None, (folder, tour)):
        each.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, running_deployment(Path(home)) as deployment:
        launched = launch(deployment)
        wait_for_all(deployment, launched)
        if tour:
            launch_whole(deployment)
        with (
            tempfile.TemporaryDirectory() as profile,
            open_browser(Path(profile), width=WIDTH, height=HEIGHT) as window,
        ):
            pages = Pages(window, deployment.dagster.url)
            _take(pages, deployment, folder)
            if tour:
                _tour(pages, launched, tour)


def _take(pages: Pages, deployment: Deployment, folder: Path) -> None:
    pages.lineage("sandbox")
    _save(pages, folder / "lineage.png", clip=GRAPH)
    pages.plots("sandbox", "amoCrmLeads")
    _save(pages, folder / "plots.png")
    pages.partitions("sandbox", "amoCrmLeads", deployment.yesterday)
    _save(pages, folder / "partitions.png")
    pages.check("spring_tea", "raw_leads", "timezone")
    _save(pages, folder / "checks.png")


def _tour(pages: Pages, launched: Launched, folder: Path) -> None:
    """Every page that people look at, whole: none may be blank or cut off."""
    pages.window.set_viewport_size({"width": TOUR_WIDTH, "height": TOUR_HEIGHT})
    stops: dict[str, Callable[[], None]] = {
        "home": pages.timeline,
        "lineage": lambda: pages.lineage("sandbox"),
        "whole_lineage": lambda: pages.whole_lineage("autumn_tea"),
        "whole_reference_lineage": lambda: pages.reference_lineage("autumn_tea"),
        "all_lineages": pages.all_lineages,
        "groups": lambda: pages.group_list("autumn_tea"),
        **{f"whole_{asset}": partial(pages.asset, "autumn_tea", asset) for asset in DAILY},
        **{f"whole_{asset}": partial(pages.unpartitioned, "autumn_tea", asset) for asset in ONCE},
        "whole_checks": lambda: pages.checks("autumn_tea", "raw_leads"),
        "whole_job": lambda: pages.job("autumn_tea"),
        "reference_lineage": lambda: pages.reference_lineage("sandbox"),
        "raw_leads": lambda: pages.asset("sandbox", "raw_leads"),
        "leads": lambda: pages.asset("sandbox", "leads"),
        "amoCrmLeads": lambda: pages.asset("sandbox", "amoCrmLeads"),
        "amoCrmLeadDetails": lambda: pages.asset("sandbox", "amoCrmLeadDetails"),
        "checks": lambda: pages.checks("sandbox", "leads"),
        "plots": lambda: pages.plots("sandbox", "raw_leads"),
        "job": lambda: pages.job("sandbox"),
        "job_runs": lambda: pages.job_runs(launched.due),
        "schedule": lambda: pages.schedule("sandbox_daily"),
        "resource": lambda: pages.resource("amocrm_sandbox"),
        "deployment": lambda: pages.resource("amocrm"),
        "rows_io_manager": lambda: pages.resource("amocrm_rows"),
        "component": pages.component,
        "code_location": pages.code_location,
        "backfill": lambda: pages.backfill(launched.backfill),
        "failed_run": lambda: pages.run(launched.failed_run),
        "failed_check": lambda: pages.check("spring_tea", "raw_leads", "timezone"),
        "broken_source": lambda: pages.broken("winter_tea"),
    }
    for name, stop in stops.items():
        stop()
        assert pages.cut_off() == [], name
        _save(pages, folder / f"{name}.png", clip={"x": 0, "y": 0, "width": TOUR_WIDTH, "height": TOUR_HEIGHT})


def _save(pages: Pages, file: Path, *, clip: FloatRect = PAGE) -> None:
    pages.window.wait_for_timeout(SETTLED_SECONDS * 1000)
    pages.window.screenshot(path=file, clip=clip)
    click.echo(f"{file}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
