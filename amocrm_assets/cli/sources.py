"""`amocrm-assets sources`: how every source stands, without asking amoCRM."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from amocrm_assets.crm.authorisation.status import AuthorisationStatus
    from amocrm_assets.orchestration.day_coverage import Progress
    from amocrm_assets.settings import SourceSettings

# Tokens may lie in `gs://`, where each look takes a moment.
LOOKS_AT_ONCE = 16
# Those of narrow columns break, so that names have room in a terminal of 80 columns.
HEADINGS = ("display name", "subdomain", "enabled", "connected as", "token\nuntil", "last day", "missing\ndays")
NAMES = HEADINGS[0], HEADINGS[1], HEADINGS[3]
MISSING = "Missing days: backfill them in the Dagster UI, or `amocrm-assets run SOURCE --from D --to D`."


@click.command(name="sources")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(*, as_json: bool) -> None:
    """List the sources: who is connected until when, and which days are there.

    Days come from Dagster's history in DAGSTER_HOME; where that is not set, from the warehouse.
    """
    states = _states(datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(states, ensure_ascii=False, indent=2))
    elif states:
        _show(states)
    else:
        click.echo("There are no sources yet. `amocrm-assets new SUBDOMAIN` makes one.")


def _states(at: datetime) -> list[dict[str, Any]]:
    from amocrm_assets.crm.authorisation.status import authorisation_status
    from amocrm_assets.orchestration.day_coverage import read_progress
    from amocrm_assets.orchestration.loader import load_sources
    from amocrm_assets.settings import Deployment

    sources, deployment = load_sources(), Deployment.from_environment()
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as looks:
        standings = list(
            looks.map(lambda source: authorisation_status(source, deployment, now=at.timestamp()), sources)
        )
    progress = read_progress(sources, deployment, at=at)
    return [
        _state(source, stands, progress[source.subdomain])
        for source, stands in zip(sources, standings, strict=True)
    ]


def _state(source: SourceSettings, stands: AuthorisationStatus, progress: Progress) -> dict[str, Any]:
    until = stands.expires_at and datetime.fromtimestamp(stands.expires_at, tz=UTC).isoformat()
    return {
        "display_name": source.title,
        "subdomain": source.subdomain,
        "enabled": source.enabled,
        "import_leads": source.import_leads,
        "connected_as": stands.connected_as,
        "token_until": until,
        "problem": stands.problem,
        "last_day": progress.last_day.isoformat() if progress.last_day else None,
        "missing_days": [day.isoformat() for day in progress.missing],
    }


def _show(states: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold", no_wrap=heading not in NAMES)
    for state in states:
        cells = [
            state["display_name"],
            state["subdomain"],
            "yes" if state["enabled"] else "no",
            state["connected_as"] or "not connected",
            (state["token_until"] or "?")[:10],
            state["last_day"] or "none",
            str(len(state["missing_days"])),
        ]
        table.add_row(*(Text(cell) for cell in cells))  # names may hold what rich takes for markup
    console = Console()
    console.print(table)
    for state in states:
        if state["problem"]:
            console.print(f"! {state['display_name']}: {state['problem']}", markup=False, soft_wrap=True)
    if any(state["missing_days"] for state in states):
        console.print(MISSING)
