"""`amocrm-assets disconnect`: deletes the stored tokens of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

WITHDRAW = (
    "In amoCRM the access is still granted. To revoke it there: Settings → Integrations → the integration →"
    " Revoke access."
)


@click.command(name="disconnect")
@click.argument("source", type=SOURCE)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def command(source: SourceSettings, *, yes: bool) -> None:
    """Delete the OAuth tokens of SOURCE.

    Settings, captures and tables stay; `amocrm-assets connect` connects the source again.
    """
    from amocrm_assets.crm.authorisation.token_store import TokenStore
    from amocrm_assets.settings import Deployment

    if source.oauth is None:
        click.echo(f"{source.title} has a long-lived token, which is not stored: unset {source.access_token_env}.")
        click.echo(WITHDRAW)
        return
    store = TokenStore.of(source, Deployment.from_environment())
    if not yes:
        click.confirm(f"Delete the tokens of {source.title} in {store.place}?", abort=True)
    forgotten = store.forget()
    click.echo(f"{source.title} {'is disconnected' if forgotten else 'was not connected'}. Its data stays.")
    click.echo(WITHDRAW)
    click.echo(f"To connect it again: amocrm-assets connect {source.subdomain}")
