"""`amocrm-assets new`: asks for the settings of a new source, and writes them.

How the file is written: `settings.new_source_file`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.entities import ENTITIES

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

REDIRECT_URI = "http://127.0.0.1:8910/callback"
# Entities that are imported only if the settings say so.
SWITCHES = {
    each.name: each.choices.imported for each in ENTITIES if each.choices.imported and not each.choices.stays
}


@click.command(name="new")
@click.argument("account")
@click.option("--display-name", help="The name to display. Default: the subdomain.")
@click.option("--token-env", metavar="NAME", help="Variable that holds a long-lived token.")
@click.option("--oauth", is_flag=True, help="OAuth 2.0 instead of a long-lived token.")
@click.option("--client-id-env", metavar="NAME", help="With --oauth: variable with the integration's id.")
@click.option("--client-secret-env", metavar="NAME", help="With --oauth: variable with its secret key.")
@click.option("--redirect-uri", help=f"With --oauth: the integration's redirect address. Default: {REDIRECT_URI}")
@click.option("--timezone", help="The account's time zone, like Europe/Moscow.")
@click.option("--start-date", metavar="YYYY-MM-DD", help="First day to import. Default: this month's first.")
@click.option(
    "--import",
    "imported",
    multiple=True,
    type=click.Choice(list(SWITCHES)),
    help="Also import these. May be repeated.",
)
@click.option("--base-url", help="Address of the account, if it is not https://ACCOUNT.amocrm.ru.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder of the sources. Default: AMOCRM_SOURCES, or the project's own.",
)
def command(account: str, folder: Path | None, **given: Any) -> None:
    """Write the settings of a new source: ACCOUNT is a subdomain, or the address of the account.

    Prompts for missing values if there is a terminal. Never changes existing settings.
    """
    from amocrm_assets.settings.docs_folder import documents_note
    from amocrm_assets.settings.new_source_file import write_source_file
    from amocrm_assets.settings.sources_folder import sources_folder

    attributes = _attributes(account, given)
    source = _validated(attributes)
    folder = folder or sources_folder()
    _require_new(source, folder)
    file = write_source_file(folder, source, attributes)
    click.echo(f"Wrote {file}\nNext:")
    steps = _next_steps(source)
    for number, step in enumerate(steps, start=1):
        click.echo(f"  {number}. {step}")
    if note := documents_note(" ".join(steps)):
        click.echo(f"  {note}")


def _attributes(account: str, given: dict[str, Any]) -> dict[str, Any]:
    from amocrm_assets.settings.new_source_file import default_attributes

    host = re.sub(r"^https?://|/.*$", "", account)
    subdomain, _, zone = host.partition(".")
    default = default_attributes(subdomain)
    url = given["base_url"] or (f"https://{host}" if zone not in {"", "amocrm.ru"} else None)
    attributes: dict[str, Any] = {
        "subdomain": subdomain,
        "display_name": given["display_name"] or _asked("Display name", default["display_name"]),
        **({"base_url": url} if url else {}),
        **_credentials(subdomain, given),
        "timezone": given["timezone"] or _asked("Time zone of the account", default["timezone"]),
        "start_date": given["start_date"] or _asked("First day to import", default["start_date"]),
        **{SWITCHES[name]: True for name in given["imported"]},
    }
    return attributes


def _credentials(subdomain: str, given: dict[str, Any]) -> dict[str, Any]:
    own = re.sub(r"\W", "_", subdomain).upper()
    if not given["oauth"]:
        from amocrm_assets.settings.new_source_file import default_attributes

        default = default_attributes(subdomain)["access_token_env"]
        variable = given["token_env"] or _asked("Variable for the long-lived token", default)
        return {"access_token_env": variable}
    return {
        "oauth": {
            "client_id_env": given["client_id_env"] or _asked("Variable for the id", f"AMOCRM_{own}_CLIENT_ID"),
            "client_secret_env": given["client_secret_env"]
            or _asked("Variable for the secret key", f"AMOCRM_{own}_CLIENT_SECRET"),
            "redirect_uri": given["redirect_uri"] or _asked("Redirect address", REDIRECT_URI),
        }
    }


def _asked(what: str, default: str) -> str:
    return str(click.prompt(what, default=default)) if sys.stdin.isatty() else default


def _validated(attributes: dict[str, Any]) -> SourceSettings:
    from pydantic import ValidationError

    from amocrm_assets.settings import SourceSettings

    try:
        return SourceSettings.model_validate(attributes)
    except ValidationError as error:
        # Without the input: it may be a token that was given instead of its variable's name.
        problems = error.errors(include_url=False, include_input=False)
        messages = [
            f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg'].removeprefix('Value error, ')}"
            for each in problems
        ]
        raise click.UsageError("\n".join(messages)) from error


def _require_new(source: SourceSettings, folder: Path) -> None:
    from amocrm_assets.cli.known_sources import known_sources
    from amocrm_assets.settings.documents import NAME

    read = known_sources(folder)
    for found in read.found:
        if found.settings.key.lower() == source.key.lower():
            raise click.UsageError(f"{found.settings.subdomain} is there already: edit {found.file}")
    for broken in read.broken:
        if broken.key.lower() == source.key.lower():
            raise broken.error()
    # Its settings differ from the folder's name, or it is the example of a checkout.
    if (file := folder / source.subdomain / NAME).exists():
        raise click.UsageError(f"{file} is there already: edit it, or give the source another name")


def _next_steps(source: SourceSettings) -> list[str]:
    if source.oauth is None:
        steps = [f"Put a long-lived token into {source.access_token_env} (docs/connecting.md)."]
    else:
        variables = f"{source.oauth.client_id_env} and {source.oauth.client_secret_env}"
        steps = [
            f"Put the integration's id and secret key into {variables} (docs/connecting.md).",
            f"amocrm-assets connect {source.subdomain}",
        ]
    return [
        *steps,
        f"amocrm-assets check {source.subdomain}",
        f"amocrm-assets fields {source.subdomain}, then choose some under `leads_custom_fields`, or leave all.",
        f"amocrm-assets run {source.subdomain}",
    ]
