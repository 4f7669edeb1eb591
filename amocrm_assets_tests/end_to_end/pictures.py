"""Takes the pictures of README and docs. `make pictures` runs it.

They show an invented account in a deployment made for them, through the same pages as the tests.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amocrm_assets_tests.end_to_end.browser import open_browser
from amocrm_assets_tests.end_to_end.deployment import running_deployment
from amocrm_assets_tests.end_to_end.launching import launch, wait_for_all
from amocrm_assets_tests.end_to_end.pages import Pages

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect

    from amocrm_assets_tests.end_to_end.deployment import Deployment

WIDTH, HEIGHT = 1280, 720
# Dagster's own navigation takes the left; what is meant stands beside it.
PAGE: FloatRect = {"x": 240, "y": 0, "width": WIDTH - 240, "height": HEIGHT}
# The graph stands in the middle of its canvas, which has buttons at the right.
GRAPH: FloatRect = {"x": 290, "y": 320, "width": 940, "height": 200}
# A graph glides to its place, plots draw themselves: no event tells when they are done.
SETTLED_SECONDS = 3


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Write the pictures into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, running_deployment(Path(home)) as deployment:
        launched = launch(deployment)
        wait_for_all(deployment, launched)
        with (
            tempfile.TemporaryDirectory() as profile,
            open_browser(Path(profile), width=WIDTH, height=HEIGHT) as window,
        ):
            _take(Pages(window, deployment.dagster.url), deployment, folder)


def _take(pages: Pages, deployment: Deployment, folder: Path) -> None:
    pages.lineage("sandbox")
    _save(pages, folder / "lineage.png", clip=GRAPH)
    pages.plots("sandbox", "amoCrmLeads")
    _save(pages, folder / "plots.png")
    pages.partitions("sandbox", "amoCrmLeads", deployment.yesterday)
    _save(pages, folder / "partitions.png")
    pages.check("spring_tea", "raw_leads", "timezone")
    _save(pages, folder / "checks.png")


def _save(pages: Pages, file: Path, *, clip: FloatRect = PAGE) -> None:
    pages.window.wait_for_timeout(SETTLED_SECONDS * 1000)
    pages.window.screenshot(path=file, clip=clip)
    click.echo(f"{file}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
