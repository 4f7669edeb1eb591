"""`amocrm-assets check`: whether a source could run now, step by step."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE
from amocrm_assets.untrusted import visible

if TYPE_CHECKING:
    from amocrm_assets.checking import CheckResult
    from amocrm_assets.settings import SourceSettings

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red"), "skipped": ("·", None)}


@click.command(name="check")
@click.argument("source", type=SOURCE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(source: SourceSettings, *, as_json: bool) -> None:
    """Test every step of a run of SOURCE, and say how to fix those that fail.

    Credentials, permissions, time zone, filters, selected fields, storage and warehouse. Exit status 1 if a step
    failed; warnings do not count.
    """
    from amocrm_assets.checking import check_source
    from amocrm_assets.settings import Deployment
    from amocrm_assets.settings.docs_folder import documents_note

    results = []
    for result in check_source(source, Deployment.from_environment()):
        results.append(result)
        if not as_json:
            _show(result)
    if as_json:
        click.echo(json.dumps([_for_programs(result) for result in results], ensure_ascii=False, indent=2))
    elif note := documents_note(" ".join(f"{result.message} {result.fix}" for result in results)):
        click.echo(note)
    if any(result.outcome == "failed" for result in results):
        sys.exit(1)
    if not as_json and results[0].outcome == "ok":  # of the settings: a run would bring something
        click.echo(f"Next: amocrm-assets run {source.subdomain}")


def _for_programs(result: CheckResult) -> dict[str, str | None]:
    """The result as JSON, whose keys programs rely on: `said` is the message."""
    return {"step": result.step, "outcome": result.outcome, "said": result.message, "fix": result.fix}


def _show(result: CheckResult) -> None:
    mark, colour = MARKS[result.outcome]
    click.secho(f"{mark} {result.step:<11} ", fg=colour, nl=False)
    click.echo(visible(result.message))
    if result.fix:
        click.echo(f"{'':14}{visible(result.fix)}")
