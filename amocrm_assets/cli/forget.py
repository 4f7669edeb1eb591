"""`amocrm-assets forget`: erases a person from captures, rows and tables, with a report of the changes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE
from amocrm_assets.errors import SettingsError

if TYPE_CHECKING:
    from amocrm_assets.forgetting import Forgetting
    from amocrm_assets.forgetting.report import Report
    from amocrm_assets.settings import SourceSettings


@click.command("forget")
@click.argument("source", type=SOURCE)
@click.option("--lead", "leads", type=int, multiple=True, help="A lead, by its id. May be repeated.")
@click.option("--contact", "contacts", type=int, multiple=True, help="A contact, by its id. May be repeated.")
@click.option(
    "--value", "values", multiple=True, help="A phone number in any format, an e-mail or a name. May be repeated."
)
@click.option("--dry-run", is_flag=True, help="Show what would be changed, without changing anything.")
@click.option("--verify", "verified", metavar="ID", help="Verify that nothing is left of an earlier request.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    source: SourceSettings,
    *,
    leads: tuple[int, ...],
    contacts: tuple[int, ...],
    values: tuple[str, ...],
    dry_run: bool,
    verified: str | None,
    as_json: bool,
) -> None:
    """Erase a person from all data of SOURCE, and from all data that it will read.

    This sends no requests to amoCRM and changes nothing there: also delete the person in amoCRM. If it is
    interrupted, run it again with the same arguments to continue.
    """
    from amocrm_assets.forgetting import Forgetting
    from amocrm_assets.orchestration.forgetting import forgetting_in_dagster
    from amocrm_assets.privacy.forgotten import Asked
    from amocrm_assets.settings import Deployment
    from amocrm_assets.storage import open_storage
    from amocrm_assets.warehouse import open_warehouse

    asked = Asked({"lead": leads, "contact": contacts}, values)
    _require_something(source, asked_for=bool(leads or contacts or values), verified=verified, values=values)
    deployment = Deployment.from_environment()
    warehouse = open_warehouse(deployment.warehouse, policy_tags=source.policy_tags)
    forgetting = Forgetting(source, open_storage(deployment.storage), warehouse)
    if verified:
        _verify(source, forgetting, verified, as_json=as_json)
    elif dry_run:
        _print_report(forgetting.plan(asked), as_json=as_json)
    else:
        with forgetting_in_dagster(source) as in_dagster:
            report = forgetting.carry_out(asked, in_dagster=in_dagster)
        _print_report(report, as_json=as_json)
        if not as_json:
            click.echo(f"Prove it: amocrm-assets forget {source.subdomain} --verify {report.request}")


def _require_something(
    source: SourceSettings, *, asked_for: bool, verified: str | None, values: tuple[str, ...]
) -> None:
    from amocrm_assets.privacy.forgotten import MIN_PHONE_DIGITS, MIN_VALUE_CHARACTERS

    if asked_for == bool(verified):
        raise SettingsError(
            f"Forgetting in {source.title}",
            cause="--verify looks at an earlier request and takes nobody else."
            if verified
            else "it names nobody.",
            fix=f"Call `amocrm-assets forget {source.subdomain}` with --lead ID, --contact ID or --value TEXT, or"
            " with --verify ID alone.",
        )
    if any(len(each.strip()) < MIN_VALUE_CHARACTERS for each in values):
        raise SettingsError(
            f"Forgetting in {source.title}",
            cause=f"a value has fewer than {MIN_VALUE_CHARACTERS} characters, and would be found in most records.",
            fix=f"Call `amocrm-assets forget {source.subdomain}` with a phone, an e-mail or a whole name.",
        )
    if any(each.strip().isdecimal() and len(each.strip()) < MIN_PHONE_DIGITS for each in values):
        raise SettingsError(
            f"Forgetting in {source.title}",
            cause=f"a value is a number of fewer than {MIN_PHONE_DIGITS} digits, as prices are.",
            fix=f"Call `amocrm-assets forget {source.subdomain}` with a phone and its code, or with --lead or"
            " --contact and the id.",
        )


def _verify(source: SourceSettings, forgetting: Forgetting, request: str, *, as_json: bool) -> None:
    reports = {each.request: each for each in forgetting.reports()}
    if request not in reports:
        raise SettingsError(
            f"Verifying the request {request} of {source.title}",
            cause=f"there is none. There are: {', '.join(reports) or 'none yet'}.",
            fix=f"Give one of these; `amocrm-assets forget {source.subdomain}` prints the id of each request.",
        )
    left = forgetting.left(reports[request])
    if as_json:
        click.echo(json.dumps({"request": request, "status": reports[request].status, "left": left}))
    else:
        for each in left:
            click.secho(f"still there: {each}", fg="red")
        click.echo(f"{request}: {f'{len(left)} places left' if left else 'nothing is left'}.")
    sys.exit(1 if left else 0)


def _print_report(report: Report, *, as_json: bool) -> None:
    from amocrm_assets.forgetting.report import in_words

    click.echo(json.dumps(asdict(report), ensure_ascii=False) if as_json else in_words(report), nl=as_json)
