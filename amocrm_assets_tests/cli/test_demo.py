"""`demo --all` has everything that a source can bring, and a funnel with the time in each stage."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from amocrm_assets.cli.demo import REQUESTS_PER_SECOND, demo_source, funnel
from amocrm_assets.sandbox import SandboxOptions
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.source_files import read_sources

ROOT = Path(__file__).parents[2]


def stay(lead_id: int, status: str, hours: float | None, **changes: Any) -> dict[str, Any]:
    known = {
        "lead_id": lead_id,
        "pipeline_name": "Sales",
        "status_name": status,
        "status_sort": {"New": 10, "Talks": 20, "Won": 10000, "Lost": 11000}[status],
        "outcome": {"Won": "won", "Lost": "lost"}.get(status, "open"),
        "seconds_in_stage": None if hours is None else int(3600 * hours),
        "is_current": hours is None,
        "is_deleted": False,
        "origin": "event",
    }
    return known | changes


def test_a_funnel_counts_leads_by_stage_and_times_that_events_tell() -> None:
    stays = [
        stay(2, "Won", None),
        stay(1, "New", 500, origin="first_value_before"),
        stay(1, "Talks", 2),
        stay(1, "New", 3),
        stay(1, "Lost", None),
        stay(2, "New", None, origin="present_state"),
        stay(2, "Talks", 4),
        stay(3, "New", 1, is_deleted=True),
    ]
    assert list(funnel(stays)) == [
        ("Sales", "New", 2, 1, "3.0"),
        ("Sales", "Talks", 2, 0, "3.0"),
        ("Sales", "Won", 1, 1, "–"),
    ]


def test_everything_is_all_that_can_be_switched_on() -> None:
    one, everything = (demo_source("http://127.0.0.1:1", everything=each) for each in (False, True))
    switches = [
        name for name, field in SourceSettings.model_fields.items()
        if field.annotation is bool and name.startswith("import_")
    ]  # fmt: skip
    assert "import_events" in switches
    assert all(getattr(everything, name) for name in (*switches, "latest_table"))
    assert not one.import_events
    assert everything.subdomain == one.subdomain


def test_make_dev_shows_everything_that_the_demo_of_everything_loads() -> None:
    folder = ROOT / "examples" / "everything"
    (shown,) = [found.settings for found in read_sources(folder).found]
    (shipped,) = [found.settings for found in read_sources(ROOT / "amocrm_assets" / "defs").found]
    loaded = demo_source(shown.base_url or "", everything=True)
    its_own = {"requests_per_second"}
    assert shown.model_dump(exclude=its_own) == loaded.model_dump(exclude=its_own)
    switches = {name for name in SourceSettings.model_fields if name.startswith("import_")} | {"latest_table"}
    assert shown.model_dump(exclude=switches) == shipped.model_dump(exclude=switches)
    for target in ("demo", "dev"):
        printed = subprocess.run(
            ["make", "--dry-run", target, "ALL=1"],  # noqa: S607  # the make that people have
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert ("demo --all" if target == "demo" else f'AMOCRM_SOURCES="{folder}"') in printed


def test_the_demo_asks_as_fast_as_the_account_of_the_demo_allows() -> None:
    assert demo_source("http://127.0.0.1:1").requests_per_second == REQUESTS_PER_SECOND
    assert SandboxOptions().account_requests_per_second >= REQUESTS_PER_SECOND
