"""`amocrm-assets demo`: the whole pipeline on one machine, without an amoCRM account."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.cli.run import days_wanted, run_with_progress
from amocrm_assets.cli.sandbox import TOKEN_VARIABLE
from amocrm_assets.cli.sandbox_process import sandbox_process
from amocrm_assets.entities import LEADS, STAGES
from amocrm_assets.errors import AmoCrmAssetsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from amocrm_assets.settings import Deployment, SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse

    Row = Mapping[Any, Any]

SUBDOMAIN = "sandbox"
DAYS = 7
ROWS_SHOWN = 5
FIELDS_SHOWN = 3
HOUR = 3600
# What amoCRM allows an account in all; the demo's account has no other integrations. With the 7 that amoCRM allows
# each integration, a third of the demo would be waiting.
REQUESTS_PER_SECOND = 50


@click.command("demo")
@click.option("--all", "everything", is_flag=True, help="Bring everything that a source can bring.")
def command(everything: bool) -> None:  # noqa: FBT001
    """Load the last seven days of a built-in sandbox account into the warehouse, and show the rows.

    With --all, contacts, events, stages and the rest are loaded too, and a funnel with the time in each stage is
    shown.

    Starts the sandbox, runs the source's Dagster job, and stores captures, rows and shards in the places of the
    deployment (by default under data/). Run again, it loads the days that are missing by then.
    """
    from amocrm_assets.settings import Deployment, history_not_kept
    from amocrm_assets.storage import open_storage
    from amocrm_assets.warehouse import open_warehouse

    deployment = Deployment.from_environment()
    storage = open_storage(deployment.storage)
    source, days = _load_days(deployment, storage, everything=everything)
    _show(source, open_warehouse(deployment.warehouse), storage, days)
    if everything:
        _show_funnel(source, storage)
    click.echo(f"\n{deployment.in_words()}")
    if unrecorded := history_not_kept():
        click.echo(unrecorded)
    else:
        click.echo("Next: `make dev` shows these days in Dagster's UI: *Lineage*, then a click on amoCrmLeads;")
    click.echo("`amocrm-assets new NAME` adds your own account.")


def _load_days(deployment: Deployment, storage: Storage, *, everything: bool) -> tuple[SourceSettings, list[date]]:
    """The last days; those that are missing are loaded from a sandbox that is served meanwhile."""
    # A free port, so that a demo can run while `make dev` does.
    with sandbox_process(requests_per_second=REQUESTS_PER_SECOND) as starting:
        import amocrm_assets.orchestration.running  # noqa: F401 - takes as long as the sandbox does to start

        source = demo_source(everything=everything)
        last = days_wanted(source, None, None)[0]
        days = [last - timedelta(days=number) for number in reversed(range(DAYS))]
        missing = _missing(source, deployment, storage, days)
        if not missing:
            click.echo(f"{days[0]} to {days[-1]} are loaded already. Delete the warehouse to load them again.")
            return source, days
        sandbox = starting.wait()
        os.environ[TOKEN_VARIABLE] = sandbox.token
        source = demo_source(sandbox.url, everything=everything)
        click.echo(
            f"A local amoCRM answers on {sandbox.url}, up to {REQUESTS_PER_SECOND} requests per second (amoCRM"
            f" allows an integration 7). Reading {missing[0]} to {missing[-1]} …"
        )
        outcome = run_with_progress(source, missing)
    if not outcome.is_good:
        cause = outcome.failure or "\n".join(outcome.errors)
        raise AmoCrmAssetsError("Running the demo", cause=cause, fix="Correct that, then run it again.")
    return source, days


def _missing(source: SourceSettings, deployment: Deployment, storage: Storage, days: list[date]) -> list[date]:
    """The days from the first one on that a table of the source lacks; all of them without its stages."""
    from amocrm_assets.orchestration.day_coverage import read_coverage

    subdomain = source.subdomain
    if source.import_events and STAGES.rows_name(subdomain) not in storage.names(STAGES.rows_folder(subdomain)):
        return days
    coverage = read_coverage([source], deployment, at=datetime.now(source.zone))
    missing = [day for day in coverage.by_subdomain[subdomain].missing if day in days]
    return days[days.index(missing[0]) :] if missing else []


def demo_source(base_url: str | None = None, *, everything: bool = False) -> SourceSettings:
    """The settings of the sandbox's account, the same in every project; each demo has its own address.

    With `everything`, all that can be switched on is.
    """
    from amocrm_assets.settings import ScheduleSettings, SourceSettings

    switches = [
        name for name in SourceSettings.model_fields if name.startswith("import_") or name == "latest_table"
    ]
    more: dict[str, Any] = dict.fromkeys(switches, True) if everything else {}
    return SourceSettings(
        **more,
        subdomain=SUBDOMAIN,
        display_name="Sandbox",
        base_url=base_url,
        access_token_env=TOKEN_VARIABLE,
        requests_per_second=REQUESTS_PER_SECOND,
        timezone="Europe/Moscow",
        start_date="2026-01-01",
        schedule=ScheduleSettings(enabled=False),
    )


def _show(source: SourceSettings, warehouse: Warehouse, storage: Storage, days: list[date]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    counts = warehouse.shard_days(LEADS.table, source.subdomain)
    shards = Table("shard", "rows", title="Shards")
    for day in days:
        shards.add_row(_shard(source, day), str(counts[day]))
    console.print(shards)
    rows = Table(
        "id", "name", "sale", "updated_at", "custom_fields", title=f"Some rows of {_shard(source, days[-1])}"
    )
    frame = warehouse.read(LEADS.table, source.subdomain, days[-1:])
    filled = frame[frame["custom_fields"].map(len) > 0].head(ROWS_SHOWN).to_dict("records")
    for row in _some_rows(filled, source.zone):
        rows.add_row(*map(str, row))
    console.print(rows)
    joined = Table("id", "pipeline", "stage", "manager", title="The same leads, joined with the reference tables")
    for row in _joined_rows(filled, storage, source):
        joined.add_row(*map(str, row))
    console.print(joined)


def _show_funnel(source: SourceSettings, storage: Storage) -> None:
    """The stages that leads reached, and how long they were there."""
    import pyarrow.parquet as pq
    from rich.console import Console
    from rich.table import Table

    with storage.as_local_path(STAGES.rows_name(source.subdomain)) as path:
        stays = pq.read_table(path).to_pylist()
    title = f"The funnel, of {STAGES.name_of(source.subdomain, None)}"
    table = Table("pipeline", "stage", "reached", "there now", "hours in it", title=title)
    for row in funnel(stays):
        table.add_row(*map(str, row))
    Console().print(table)


def funnel(stays: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    """For each stage in its order: the leads that reached it, those that are there, and the average hours in it.

    Without deleted leads and lost ones; times are of stays whose beginning an event tells.
    """
    by_stage: dict[tuple[Any, ...], list[Row]] = {}
    for stay in stays:
        if not stay["is_deleted"] and stay["outcome"] in ("open", "won"):
            stage = (stay["pipeline_name"] or "", stay["status_sort"] or 0, stay["status_name"])
            by_stage.setdefault(stage, []).append(stay)
    for (pipeline, _, status), found in sorted(by_stage.items(), key=lambda each: each[0][:2]):
        known = [stay["seconds_in_stage"] for stay in found if stay["origin"] == "event"]
        times = [seconds / HOUR for seconds in known if seconds is not None]
        average = f"{sum(times) / len(times):.1f}" if times else "–"
        reached = len({stay["lead_id"] for stay in found})
        yield pipeline, status, reached, sum(stay["is_current"] for stay in found), average


def _shard(source: SourceSettings, day: date) -> str:
    return LEADS.table.shard_name(source.subdomain, day)


def _some_rows(leads: Sequence[Row], zone: ZoneInfo) -> Iterator[tuple[Any, ...]]:
    for row in leads:
        at = datetime.fromtimestamp(row["updated_at"], zone)  # the zone that bounds the shard's day
        yield row["id"], row["name"], row["sale"], f"{at:%Y-%m-%d %H:%M}", _fields(row["custom_fields"])


def _joined_rows(leads: Sequence[Row], storage: Storage, source: SourceSettings) -> Iterator[tuple[Any, ...]]:
    pipelines, stages, users = (
        _names(table, storage, source) for table in ("amoCrmPipelines", "amoCrmStatuses", "amoCrmUsers")
    )
    for row in leads:
        yield (
            row["id"],
            pipelines.get((row["pipeline_id"],)),
            stages.get((row["pipeline_id"], row["status_id"])),  # 142 and 143 are stages of every pipeline
            users.get((row["responsible_user_id"],)),
        )


def _names(asset: str, storage: Storage, source: SourceSettings) -> dict[tuple[int, ...], str]:
    """What a reference table calls its records now, by their key."""
    from amocrm_assets.entities.reference import reference_table
    from amocrm_assets.rows.reference import reference_rows

    table = reference_table(asset)
    rows = reference_rows(table, storage, source.subdomain, [*table.key, "name", "is_current"])
    current = rows.to_pylist() if rows else []
    return {tuple(row[part] for part in table.key): row["name"] for row in current if row["is_current"]}


def _fields(custom_fields: list[dict[str, Any]]) -> str:
    shown = [
        f"{each['name']}: {', '.join(str(value['value']) for value in each['values'])}"
        for each in custom_fields[:FIELDS_SHOWN]
    ]
    more = len(custom_fields) - len(shown)
    return "\n".join([*shown, f"… {more} more"] if more > 0 else shown)
