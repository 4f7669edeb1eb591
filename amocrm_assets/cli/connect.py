"""`amocrm-assets connect`: runs the OAuth consent flow and stores the tokens."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import click

from amocrm_assets.cli.source_argument import SOURCE

if TYPE_CHECKING:
    from amocrm_assets.crm.account import Account
    from amocrm_assets.crm.consent import Consent
    from amocrm_assets.settings import OAuthSettings, SourceSettings

# As long as a code lives.
WAIT_SECONDS = 20 * 60
FILTERS = {True: "on", False: "off", None: "unknown"}


@click.command(name="connect")
@click.argument("source", type=SOURCE)
@click.option("--no-browser", is_flag=True, help="Only print the page's URL; paste the URL to which it redirects.")
@click.option("--code", "has_code", is_flag=True, help="Enter a code from the integration's page, without echo.")
@click.option("--code-env", metavar="NAME", help="Read the code from this environment variable.")
def command(source: SourceSettings, *, no_browser: bool, has_code: bool, code_env: str | None) -> None:
    """Connect SOURCE to its amoCRM account with OAuth 2.0.

    Opens amoCRM's OAuth consent page and waits until you allow access there. Without a browser on this machine,
    --no-browser prints the URL, which you can open on any machine.

    docs/connecting.md shows how to create the integration.
    """
    from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
    from amocrm_assets.crm.authorisation.token_store import TokenStore
    from amocrm_assets.crm.connecting import connect
    from amocrm_assets.crm.consent import Consent
    from amocrm_assets.settings import Deployment, secret

    oauth = _oauth(source)
    secret(oauth.client_secret_env)  # before a person is sent to a page
    consent = Consent(
        source,
        client_id=secret(oauth.client_id_env),
        redirect_uri=oauth.redirect_uri,
        state=secrets.token_urlsafe(32),
    )
    if code_env:
        code = consent.code_in(secret(code_env))
    elif has_code:
        code = consent.code_in(_asked("Code"))
    else:
        code = _consented(consent, no_browser=no_browser)
    store = TokenStore.of(source, Deployment.from_environment())
    account = connect(TokenEndpoint(source, oauth), code, store=store)
    click.echo(f"Connected {source.title}. The tokens are kept in {store.place}")
    _show(source, account)


def _oauth(source: SourceSettings) -> OAuthSettings:
    from amocrm_assets.errors import SettingsError

    if source.oauth is not None:
        return source.oauth
    raise SettingsError(
        f"Connecting {source.subdomain}",
        cause=f"it has a long-lived token, in {source.access_token_env}, and needs no connecting.",
        fix=f"`amocrm-assets check {source.subdomain}` tries the token. For OAuth, replace `access_token_env` by"
        " `oauth` in the source's defs.yaml.",
        source=source.subdomain,
    )


def _consented(consent: Consent, *, no_browser: bool) -> str:
    from amocrm_assets.crm.consent import RedirectServer

    click.echo(f"Allow the access to {consent.source.title} on this page:\n\n  {consent.authorize_url}\n")
    if no_browser or not consent.comes_back_here:
        click.echo("It redirects to a URL with a code; that page may fail to load. Copy the complete URL.")
        return consent.code_in(_asked("URL or code"))
    with RedirectServer(consent) as redirects:
        open_browser(consent.authorize_url)
        click.echo(f"Waiting for the answer at {consent.redirect_uri}. A browser on another machine? Stop this")
        click.echo("with Ctrl-C and run it again with --no-browser.")
        return redirects.wait(seconds=WAIT_SECONDS)


def open_browser(page: str) -> None:
    """Open the page in a browser if there is a screen; the URL has already been printed for all other cases.

    Some openers print to the terminal, and without a screen some start a text browser in it.
    """
    from amocrm_assets.settings.screen import has_screen

    if not has_screen():
        return
    command = [sys.executable, "-m", "webbrowser", page]
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    # In a thread: some openers end with their browser only.
    threading.Thread(
        target=subprocess.run, args=(command,), kwargs=silent | {"check": False}, daemon=True, name="browser"
    ).start()


def _asked(what: str) -> str:
    """A secret from the terminal, without echo, or from a pipe."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True))
    if given := sys.stdin.readline().strip():
        return given
    raise click.UsageError(f"{what} is read from the terminal or a pipe, and there was no input.")


def _show(source: SourceSettings, account: Account) -> None:
    from amocrm_assets.crm.account_warnings import settings_warnings

    click.echo(f"  account  {account.name} ({account.subdomain}, id {account.id})")
    click.echo(f"  user     id {account.current_user_id}")
    click.echo(f"  zone     {account.timezone}")
    click.echo(f"  filters  {FILTERS[account.filters_enabled]}")
    for difference in settings_warnings(source, account):
        click.echo(f"! {difference}")
    click.echo(f"Next: amocrm-assets check {source.subdomain}")
