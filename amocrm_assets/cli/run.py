"""`amocrm-assets run`: materialise yesterday or a range of days, as the UI would, with a progress bar."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.cli import INTERRUPTED_STATUS
from amocrm_assets.cli.source_argument import PLACE, SOURCE
from amocrm_assets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import Progress

    from amocrm_assets.orchestration.running import Outcome
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.settings.source_files import SourceFound


class _Day(click.ParamType["date"]):
    """A day as YYYY-MM-DD; the messages of click's own type contain `%Y-%m-%d`."""

    name = "day"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  # click's signature
        return "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no zone
        except ValueError as error:
            message = f"{value!r} is not a day. Write it as YYYY-MM-DD, for example 2026-03-31."
            raise click.BadParameter(message, ctx, param) from error


_DAY = _Day()


@click.command("run")
@click.argument("source", type=SOURCE)
@click.option("--from", "from_day", type=_DAY, help="First day. Default: --to, or yesterday.")
@click.option("--to", "to_day", type=_DAY, help="Last day. Default: yesterday in the source's time zone.")
@click.option("--missing", is_flag=True, help="Read only days without a capture from amoCRM.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def command(
    source: SourceSettings, *, from_day: date | None, to_day: date | None, missing: bool, as_json: bool
) -> None:
    """Load days of SOURCE into the warehouse: yesterday, or --from … --to.

    Runs the same job as the Dagster UI. Exit status 0 only if every day was loaded and no check found missing or
    wrong data. Running a day again is safe.
    """
    days = days_wanted(source, from_day, to_day)
    try:
        outcome = run_with_progress(
            source, days, place=click.get_current_context().meta[PLACE], read_again=not missing, quiet=as_json
        )
    except KeyboardInterrupt:
        click.secho(f"{source.title}: interrupted. Days that were finished stay.", fg="yellow", err=True)
        click.echo(f"Go on with: amocrm-assets run {source.subdomain} {_range(days)} --missing", err=True)
        sys.exit(INTERRUPTED_STATUS)
    if as_json:
        click.echo(json.dumps(_as_json(source, days, outcome), ensure_ascii=False))
    else:
        _print_outcome(source, days, outcome)
    sys.exit(0 if outcome.is_good else 1)


def days_wanted(source: SourceSettings, from_day: date | None, to_day: date | None) -> list[date]:
    """The days of the range, inclusive. Raises `SettingsError` for days that cannot be read."""
    yesterday = datetime.now(source.zone).date() - timedelta(days=1)
    last = to_day or yesterday
    first = from_day or last
    if (latest := max(first, last)) > yesterday:
        raise _refused(
            source, f"{latest} is not over yet in {source.timezone}.", f"Ask for days up to {yesterday}."
        )
    if first < source.first_day:
        raise _refused(
            source,
            f"{first} is before the source's start_date, {source.first_day}.",
            "Set an earlier start_date in the source's defs.yaml, or ask for later days.",
        )
    if first > last:
        raise _refused(source, f"--from {first} is after --to {last}.", "Swap them.")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def run_with_progress(
    source: SourceSettings,
    days: list[date],
    *,
    place: SourceFound | None = None,
    read_again: bool = True,
    quiet: bool = False,
) -> Outcome:
    """Run the source's job with a progress bar that counts the days of its assets. `place` is its settings file.

    Raises `KeyboardInterrupt` if a signal ended it, after the run is closed in Dagster's instance.
    """
    from amocrm_assets.orchestration.assets import chain_names
    from amocrm_assets.orchestration.running import Interrupted, run_days
    from amocrm_assets.orchestration.source_entities import scheduled

    assets = [name for entity in scheduled(source) for name in chain_names(entity)]
    with _bar(assets, len(days), quiet=quiet) as bar:
        try:
            return run_days(source, days, listener=bar, place=place, read_again=read_again)
        except Interrupted as signalled:
            raise KeyboardInterrupt from signalled


def _range(days: list[date]) -> str:
    return f"--from {days[0]} --to {days[-1]}"


class _Bar:
    """Shows the progress of the run; each retry of a step is a line above the bar, also in a pipe."""

    def __init__(self, progress: Progress, assets: Sequence[str], days: int) -> None:
        self._progress = progress
        self._task = progress.add_task(assets[0], total=len(assets) * days)
        self._done: dict[str, int] = {}

    def on_days_done(self, asset: str, done: int, wanted: int) -> None:  # noqa: ARG002  # the listener's signature
        self._done[asset] = done
        self._progress.update(self._task, description=asset, completed=sum(self._done.values()))

    def on_retry(self, why: str, wait_seconds: float) -> None:
        message = f"! {why} Trying again in {wait_seconds:.0f} s."
        self._progress.console.print(message, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _bar(assets: Sequence[str], days: int, *, quiet: bool) -> Iterator[_Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        yield _Bar(progress, assets, days)


def _print_outcome(source: SourceSettings, days: list[date], outcome: Outcome) -> None:
    from amocrm_assets.settings import Deployment, history_not_kept

    for warning in outcome.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    for error in outcome.errors:
        click.secho(f"error: {error}", fg="red", err=True)
    if outcome.failure:
        click.secho(f"{source.title}: the run failed.", fg="red", err=True)
        click.echo(outcome.failure, err=True)
        _print_missing(source, days, outcome)
        return
    what = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days)} days"
    click.echo(f"{source.title}: {what} landed{', and checks failed: see above' if outcome.errors else ''}.")
    click.echo(Deployment.from_environment().in_words())
    if unrecorded := history_not_kept():
        click.echo(unrecorded, err=True)


def _print_missing(source: SourceSettings, days: list[date], outcome: Outcome) -> None:
    """Which days of which entity were not loaded, and how to continue; the others are loaded."""
    from amocrm_assets.orchestration.failures import in_words

    for name, missing in outcome.missing.items():
        click.echo(f"Missing: {name} of {in_words(missing)}.", err=True)
    if outcome.missing:
        click.echo(f"Go on with: amocrm-assets run {source.subdomain} {_range(days)} --missing", err=True)


def _as_json(source: SourceSettings, days: list[date], outcome: Outcome) -> dict[str, Any]:
    from amocrm_assets.settings import Deployment, dagster_home

    deployment = Deployment.from_environment()
    return {
        "source": source.subdomain,
        "from": days[0].isoformat(),
        "to": days[-1].isoformat(),
        "landed": outcome.failure is None,
        "failure": outcome.failure,
        "missing": {name: [day.isoformat() for day in missing] for name, missing in outcome.missing.items()},
        "errors": outcome.errors,
        "warnings": outcome.warnings,
        "run_id": outcome.run_id,
        "dagster_home": dagster_home(),
        "storage": deployment.storage,
        "warehouse": deployment.warehouse,
    }


def _refused(source: SourceSettings, cause: str, fix: str) -> SettingsError:
    return SettingsError(f"Running {source.title}", cause=cause, fix=fix, source=source.subdomain)
