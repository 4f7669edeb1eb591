"""`amocrm-assets fields`: the custom fields of an account, to choose from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE
from amocrm_assets.entities import ENTITIES, LEADS
from amocrm_assets.untrusted import hidden_difference, visible

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity
    from amocrm_assets.fields import OfferedFields
    from amocrm_assets.settings import SourceSettings

SHOWN_EXAMPLE = 40
# Entities whose custom fields can be selected.
WITH_FIELDS = {entity.name: entity for entity in ENTITIES if entity.choices.custom_fields}


@click.command(name="fields")
@click.argument("source", type=SOURCE)
@click.option(
    "--of",
    "name",
    type=click.Choice(list(WITH_FIELDS)),
    default=LEADS.name,
    show_default=True,
    help="The entity whose custom fields are listed.",
)
@click.option("--examples", is_flag=True, help="Also show values, from the most recently edited records.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(source: SourceSettings, *, name: str, examples: bool, as_json: bool) -> None:
    """List the custom fields of leads in the account of SOURCE, and which of them are imported.

    List the fields to import, by name, code or id, under `leads_custom_fields` in the source's defs.yaml. Without
    that setting all are imported. Contacts and companies have their own settings.
    """
    from amocrm_assets.crm.authorisation import open_client
    from amocrm_assets.fields import read_offered
    from amocrm_assets.settings import Deployment

    with open_client(source, Deployment.from_environment()) as client:
        offered = read_offered(WITH_FIELDS[name], source, client, with_examples=examples)
    if as_json:
        click.echo(json.dumps(asdict(offered), ensure_ascii=False, indent=2))
    else:
        _show(WITH_FIELDS[name], source, offered, with_examples=examples)


def _show(entity: Entity, source: SourceSettings, offered: OfferedFields, *, with_examples: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "name", "code", "type", "system", "imported", *(["examples"] if with_examples else []))
    words = {True: "yes", False: "no", None: "?"}
    for field in offered.fields:
        examples = "\n".join(text[:SHOWN_EXAMPLE] for text in field.examples)
        cells = ["?" if field.id is None else str(field.id), field.name, field.code or "", field.type]
        cells += [words[field.is_system], words[field.is_chosen], *([examples] if with_examples else [])]
        table.add_row(*(Text(visible(cell)) for cell in cells))  # names may contain rich markup
    console = Console()
    console.print(table)
    for name, close in offered.missing.items():
        meant = [f"{visible(each)}{_differs_by(name, each)}" for each in close]
        hint = f" Did you mean {' or '.join(meant)}?" if meant else ""
        message = f"! `{entity.choices.custom_fields}` names {name!r}, which does not exist in the account.{hint}"
        console.print(message, markup=False, highlight=False, soft_wrap=True)
    if entity.choices.fields(source) is None:
        setting = entity.choices.custom_fields
        console.print(f"All fields are imported, since `{setting}` is not set in the source's defs.yaml.")


def _differs_by(written: str, meant: str) -> str:
    hidden = hidden_difference(written, meant)
    return f" ({hidden})" if hidden else ""
