"""`amocrm-assets sources`: the state of every source, without requests to amoCRM."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.entities import ENTITIES
from amocrm_assets.untrusted import visible

if TYPE_CHECKING:
    from rich.table import Table

    from amocrm_assets.crm.authorisation.status import AuthorisationStatus
    from amocrm_assets.orchestration.day_coverage import Progress
    from amocrm_assets.settings import Deployment, SourceSettings
    from amocrm_assets.settings.source_files import BrokenSource

# Tokens may be in `gs://`, where each read takes some time.
PARALLEL_READS = 16
# Headings of narrow columns have line breaks, so that names fit into a terminal of 80 columns.
HEADINGS = ("display name", "subdomain", "enabled", "connected as", "token\nuntil", "last day", "missing\ndays")
# The setting that enables an entity; also the key in JSON.
SWITCHES = [entity.choices.imported for entity in ENTITIES if entity.choices.imported]
# If the table would be too wide, each source is shown as several lines.
MIN_TABLE_COLUMNS = 72
NAMES = HEADINGS[0], HEADINGS[1], HEADINGS[3]
MISSING = "Missing days: backfill them in the Dagster UI, or `amocrm-assets run SOURCE --from D --to D`."


@click.command(name="sources")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(*, as_json: bool) -> None:
    """List the sources: who is connected, when the token expires, and which days are loaded.

    A day is loaded if the warehouse has its shard and Dagster's history in DAGSTER_HOME shows it as materialised.
    If DAGSTER_HOME is not set, only the warehouse counts. Exit status 1 if the settings of a source are wrong.
    """
    from amocrm_assets.cli.known_sources import known_sources
    from amocrm_assets.settings import Deployment
    from amocrm_assets.settings.sources_folder import existing_sources_folder

    folder = existing_sources_folder()
    read = known_sources(folder)
    deployment = Deployment.from_environment()
    states, problem = _states([found.settings for found in read.found], deployment, datetime.now(UTC))
    states += map(_broken_state, read.broken)
    if as_json:
        click.echo(json.dumps(states, ensure_ascii=False, indent=2))
    elif states:
        _show(states)
        click.echo(deployment.in_words())
    else:
        click.echo(f"There are no sources yet in {folder}. `amocrm-assets new SUBDOMAIN` makes one.")
    if problem:
        click.echo(f"! Days are those of Dagster's history alone, the warehouse was not read. {problem}", err=True)
    if read.broken:
        sys.exit(1)


def _states(
    sources: list[SourceSettings], deployment: Deployment, at: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    from amocrm_assets.crm.authorisation.status import authorisation_status
    from amocrm_assets.orchestration.day_coverage import read_coverage

    with DaemonPool(PARALLEL_READS, name="sources") as pool:
        statuses = list(
            pool.map(lambda source: authorisation_status(source, deployment, now=at.timestamp()), sources)
        )
    coverage = read_coverage(sources, deployment, at=at)
    states = [
        _state(source, status, coverage.by_subdomain[source.subdomain])
        for source, status in zip(sources, statuses, strict=True)
    ]
    return states, coverage.problem


def _state(source: SourceSettings, status: AuthorisationStatus, progress: Progress) -> dict[str, Any]:
    until = status.expires_at and datetime.fromtimestamp(status.expires_at, tz=UTC).isoformat()
    return {
        "display_name": source.title,
        "subdomain": source.subdomain,
        "enabled": source.enabled,
        **{name: bool(getattr(source, name)) for name in SWITCHES},
        "connected_as": status.connected_as,
        "token_until": until,
        "problem": status.problem,
        "wrong_settings": [],
        "last_day": progress.last_day.isoformat() if progress.last_day else None,
        "missing_days": [day.isoformat() for day in progress.missing],
        "lost_days": [day.isoformat() for day in progress.lost],
        "missing_by_entity": {
            name: [day.isoformat() for day in missing] for name, missing in progress.by_entity.items()
        },
    }


def _broken_state(broken: BrokenSource) -> dict[str, Any]:
    """The JSON of a source that cannot be loaded: the same keys without values."""
    return {
        "display_name": broken.name,
        "subdomain": broken.name,
        "enabled": False,
        **dict.fromkeys(SWITCHES, False),
        "connected_as": None,
        "token_until": None,
        "problem": None,
        "wrong_settings": [visible(str(problem)) for problem in broken.problems],
        "last_day": None,
        "missing_days": [],
        "lost_days": [],
        "missing_by_entity": {},
    }


def _lost(state: dict[str, Any]) -> str:
    from amocrm_assets.orchestration.failures import in_words

    days = [date.fromisoformat(day) for day in state["lost_days"]]
    imported = (entity for entity in ENTITIES if entity.name in state["missing_by_entity"])
    shards = " and ".join(f"`{table.warehouse_name}`" for entity in imported for table in entity.tables)
    return (
        f"Dagster shows {in_words(days)} as materialised, and the warehouse has no shard for them. Materialise"
        f" {shards} for these days in the Dagster UI: it loads the rows again, without requests to amoCRM."
    )


def _uneven(state: dict[str, Any]) -> list[str]:
    """Which entities miss days that others have; empty if all miss the same days."""
    from amocrm_assets.orchestration.failures import in_words

    by_entity: dict[str, list[str]] = state["missing_by_entity"]
    everywhere = set.intersection(*map(set, by_entity.values())) if by_entity else set()
    own = {name: sorted(set(days) - everywhere) for name, days in by_entity.items()}
    return [
        f"{name} alone: {in_words([date.fromisoformat(day) for day in days])} missing."
        for name, days in own.items()
        if days
    ]


def _show(states: list[dict[str, Any]]) -> None:
    from rich.console import Console

    console = Console()
    rows = [_cells(state) for state in states]
    if console.width >= MIN_TABLE_COLUMNS:
        console.print(_table(rows))
    else:
        _show_as_lines(rows)
    for state in states:
        for wrong in state["wrong_settings"]:
            console.print(f"! {state['display_name']}: {wrong}", markup=False, soft_wrap=True)
        if state["problem"]:
            console.print(f"! {state['display_name']}: {state['problem']}", markup=False, soft_wrap=True)
        for wrong in _uneven(state):
            console.print(f"! {state['display_name']}: {wrong}", markup=False, soft_wrap=True)
        if state["lost_days"]:
            console.print(f"! {state['display_name']}: {_lost(state)}", markup=False, soft_wrap=True)
    if any(state["missing_days"] for state in states):
        console.print(MISSING)


def _cells(state: dict[str, Any]) -> list[str]:
    """The cells of a source, in the order of the headings."""
    return [
        state["display_name"],
        state["subdomain"],
        "BROKEN" if state["wrong_settings"] else "yes" if state["enabled"] else "no",
        state["connected_as"] or "not connected",
        (state["token_until"] or "?")[:10],
        state["last_day"] or "none",
        str(len(state["missing_days"])),
    ]


def _table(rows: list[list[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold", no_wrap=heading not in NAMES)
    for cells in rows:
        table.add_row(*(Text(cell) for cell in cells))  # names may hold what rich takes for markup
    return table


def _show_as_lines(rows: list[list[str]]) -> None:
    for name, *others in rows:
        click.echo(visible(name))
        for heading, cell in zip(HEADINGS[1:], others, strict=True):
            click.echo(f"  {heading.replace(chr(10), ' '):<13} {visible(cell)}")
