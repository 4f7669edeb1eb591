"""The pages of Dagster's UI that people look at: opens each, and waits until it shows what it is opened for.

A page that never does fails there, by the browser's timeout. Whoever opens it looks at the rest.
Pages fill in bit by bit, so a look at the text of the moment proves only what is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import TimeoutError as NeverShown

from amocrm_assets.orchestration.metadata import BREAK
from amocrm_assets_tests.orchestration.dagster_process import LOCATION_NAME

if TYPE_CHECKING:
    from datetime import date

    from playwright.sync_api import Page

ROW_COUNT = "dagster/partition_row_count"


class Pages:
    """The UI at an address, seen in one window of a browser."""

    def __init__(self, window: Page, url: str) -> None:
        self.window = window
        self._url = url

    def lineage(self, source: str) -> None:
        """The graph of an account's assets, none of them at work."""
        self._open(f"/locations/{LOCATION_NAME}/asset-groups/{source}")
        self.wait_for("raw_leads", "leads", "amoCrmLeads", "Latest event")
        self.window.wait_for_function("() => !/Loading|Materializing/.test(document.body.innerText)")

    def reference_lineage(self, source: str) -> None:
        """The graph of an account's reference tables."""
        self._open(f"/locations/{LOCATION_NAME}/asset-groups/{source}_reference")
        self.wait_for("raw_reference", "amoCrmStatuses")

    def whole_lineage(self, source: str) -> None:
        """The graph of an account of which everything is imported, none of its assets at work."""
        self.lineage(source)
        self.wait_for("amoCrmContacts", "amoCrmEvents")

    def all_lineages(self) -> None:
        """The graph of the whole deployment, by groups."""
        self._open("/asset-groups")
        self.wait_for("autumn_tea")
        self.window.wait_for_function("() => !/fetching statuses/.test(document.body.innerText)")

    def group_list(self, source: str) -> None:
        """The assets of a group as a list."""
        self._open(f"/locations/{LOCATION_NAME}/asset-groups/{source}/list")
        self.wait_for("amoCrmLeads")
        self.window.wait_for_function("() => !/- partitions/.test(document.body.innerText)")

    def unpartitioned(self, source: str, asset: str) -> None:
        """The overview of an asset that an account has once."""
        self._open(f"/assets/{source}/{asset}")
        self.wait_for("Columns" if asset.startswith("amoCrm") else "Definition")

    def asset(self, source: str, asset: str) -> None:
        """The overview of an asset."""
        self._open(f"/assets/{source}/{asset}")
        self.wait_for(ROW_COUNT)

    def plots(self, source: str, asset: str) -> None:
        """The overview of an asset, its numbers plotted over the partitions."""
        self.asset(source, asset)
        self.window.get_by_role("button", name="Plots").click()
        self.window.locator("canvas").first.wait_for()
        self.window.get_by_role("button", name="Plots").evaluate("button => button.scrollIntoView()")

    def partitions(self, source: str, asset: str, day: date) -> None:
        """The partitions of an asset, one of them opened."""
        self._open(f"/assets/{source}/{asset}?view=partitions&partition={day}")
        self.wait_for("Partitions Selected")
        self.wait_for(ROW_COUNT)

    def check(self, source: str, asset: str, check: str) -> None:
        """The last verdict of a check."""
        self._open(f"/assets/{source}/{asset}?view=checks&checkDetail={check}")
        self.wait_for("Evaluation result")

    def checks(self, source: str, asset: str) -> None:
        """All checks of an asset."""
        self._open(f"/assets/{source}/{asset}?view=checks")
        self.wait_for("Evaluation result")

    def broken(self, source: str) -> None:
        """The only asset of a source whose settings are wrong."""
        self._open(f"/assets/{source}/broken_settings")
        self.wait_for("Description")

    def timeline(self) -> None:
        """The runs of all jobs over the last hours: the first page of a deployment that has some."""
        self._open("/overview/timeline?view=1hr")
        self.wait_for("_leads")

    def job_runs(self, source: str) -> None:
        """The runs of an account's job."""
        self._open(f"/locations/{LOCATION_NAME}/jobs/{source}_leads/runs")
        self.wait_for("Launched by")

    def code_location(self) -> None:
        """What the code location is made of, and by which versions."""
        self._open(f"/locations/{LOCATION_NAME}")
        self.wait_for("Libraries")

    def component(self) -> None:
        """The component with its attributes."""
        self._open(
            f"/locations/{LOCATION_NAME}/components/library/packages/amocrm_assets/amocrm_assets.AmoCrmSource"
        )
        self.wait_for("AmoCrmSource")

    def run(self, run_id: str) -> None:
        """The log of a run."""
        self._open(f"/runs/{run_id}")
        self.wait_for("ENGINE_EVENT")

    def backfill(self, backfill: str) -> None:
        """How far a backfill has come."""
        self._open(f"/runs/b/{backfill}")
        self.wait_for("Partitions targeted")

    def job(self, source: str) -> None:
        """The overview of an account's job, with what it says of itself."""
        self._open(f"/locations/{LOCATION_NAME}/jobs/{source}_leads")
        self.wait_for("Description")

    def schedule(self, schedule: str) -> None:
        """A schedule with its switch and its ticks."""
        self._open(f"/locations/{LOCATION_NAME}/schedules/{schedule}")
        self.wait_for("Latest tick")

    def resource(self, resource: str) -> None:
        """What a resource is configured with."""
        self._open(f"/locations/{LOCATION_NAME}/resources/{resource}")
        self.wait_for("Configuration")

    def launchpad(self, source: str) -> None:
        """Where the job of an account is configured and launched."""
        self._open(f"/locations/{LOCATION_NAME}/jobs/{source}_leads/playground")
        self.wait_for("Launch Run")

    def wait_for(self, *texts: str) -> None:
        """Wait until the page shows all of the texts. Raises `AssertionError` with those that it never does."""
        try:
            self.window.wait_for_function(
                "texts => { const shown = document.body.innerText.replaceAll('\u200b', '');"
                " return texts.every(text => shown.includes(text)) }",
                arg=list(texts),
            )
        except NeverShown as error:
            missing = [text for text in texts if text not in self.text()]
            raise AssertionError(f"{self.window.url} never showed {missing}") from error

    def across(self, text: str) -> float:
        """How far to the right a text is."""
        box = self.window.get_by_text(text, exact=True).last.bounding_box()
        assert box
        return box["x"]

    def is_switched_on(self) -> bool:
        """Whether the only switch of the page is on."""
        return self.window.get_by_role("checkbox").is_checked()

    def addresses(self) -> list[str]:
        """Where everything on the page leads to that leads anywhere, and what it was fetched from."""
        found: list[str] = self.window.evaluate(
            "() => [...document.querySelectorAll('[href], [src], [srcset], [action], [data], [poster]')].flatMap("
            "node => ['href', 'src', 'srcset', 'action', 'data', 'poster'].map(name => node.getAttribute(name)))"
            ".filter(address => address)"
        )
        return found

    def cut_off(self) -> list[str]:
        """The beginnings of tables that are wider than the page, so that columns are not visible."""
        found: list[str] = self.window.evaluate(
            "() => [...document.querySelectorAll('table')]"
            ".filter(table => table.getBoundingClientRect().right > window.innerWidth)"
            ".map(table => table.innerText.slice(0, 80))"
        )
        return found

    def text(self) -> str:
        """All that the page says now."""
        return self.window.inner_text("body").replace(BREAK, "")

    def _open(self, path: str) -> None:
        self.window.goto(f"{self._url}{path}")
