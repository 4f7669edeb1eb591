"""`amocrm-assets check`: whether a source could run now, step by step."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE
from amocrm_assets.untrusted import visible

if TYPE_CHECKING:
    from amocrm_assets.checking import Verdict
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

    verdicts = []
    for verdict in check_source(source, Deployment.from_environment()):
        verdicts.append(verdict)
        if not as_json:
            _show(verdict)
    if as_json:
        click.echo(json.dumps([asdict(verdict) for verdict in verdicts], ensure_ascii=False, indent=2))
    elif note := documents_note(" ".join(f"{verdict.said} {verdict.fix}" for verdict in verdicts)):
        click.echo(note)
    if any(verdict.outcome == "failed" for verdict in verdicts):
        sys.exit(1)
    if not as_json and verdicts[0].outcome == "ok":  # of the settings: a run would bring something
        click.echo(f"Next: amocrm-assets run {source.subdomain}")


def _show(verdict: Verdict) -> None:
    mark, colour = MARKS[verdict.outcome]
    click.secho(f"{mark} {verdict.step:<11} ", fg=colour, nl=False)
    click.echo(visible(verdict.said))
    if verdict.fix:
        click.echo(f"{'':14}{visible(verdict.fix)}")
