"""`amocrm-assets probe`: how an account behaves where the API is undocumented."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE

if TYPE_CHECKING:
    from rich.console import Console

    from amocrm_assets.crm.probe import ProbeReport
    from amocrm_assets.crm.probe.report import ProbeAnswer
    from amocrm_assets.settings import SourceSettings

# Width of a table with four columns of sentences; a narrower terminal gets one block for each question.
MIN_TABLE_WIDTH = 100


@click.command(name="probe")
@click.argument("source", type=SOURCE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(source: SourceSettings, *, as_json: bool) -> None:
    """Find out how the account of SOURCE behaves where amoCRM's API is undocumented.

    Read-only, with at most 60 requests within the source's rate limit. The report is stored next to the captures,
    and runs start from it. It contains no names, texts or ids, so you can send it to others.
    """
    from amocrm_assets.crm.authorisation import open_client
    from amocrm_assets.crm.probe import MAX_REQUESTS, probe_account, probe_name, to_json
    from amocrm_assets.settings import Deployment
    from amocrm_assets.storage import open_storage

    deployment = Deployment.from_environment()
    storage = open_storage(deployment.storage)
    with open_client(source, deployment, max_requests=MAX_REQUESTS) as client:
        report = probe_account(source, client=client, storage=storage)
    if as_json:
        click.echo(json.dumps(to_json(report), indent=2))
        return
    _show(report)
    click.echo(f"{report.requests} requests; {report.settled} of {len(report.answers)} questions are settled.")
    click.echo(f"Kept as {storage.uri(probe_name(source.subdomain))}")
    click.echo(f"Next: amocrm-assets check {source.subdomain}")


def _show(report: ProbeReport) -> None:
    from rich.console import Console

    console = Console()
    if console.width >= MIN_TABLE_WIDTH:
        _show_table(console, report)
    else:
        for answer in report.answers:
            _show_block(console, answer)


def _show_table(console: Console, report: ProbeReport) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    headings = ("question", "asked", "observed", "conclusion")
    table = Table(*(Column(heading, overflow="fold") for heading in headings), show_lines=True)
    for answer in report.answers:
        cells = (answer.question, answer.asked, answer.observed, answer.conclusion)
        table.add_row(*map(Text, cells))  # the brackets of filters are not markup
    console.print(table)


def _show_block(console: Console, answer: ProbeAnswer) -> None:
    console.print(f"{answer.question}:", style="bold", markup=False, highlight=False)
    for line in (f"asked {answer.asked}", answer.observed, f"→ {answer.conclusion}"):
        console.print(f"  {line}", markup=False, highlight=False)
