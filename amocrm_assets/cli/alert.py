"""`amocrm-assets alert --test`: send a message to each address in AMOCRM_ALERTS, and say which accepted it."""

from __future__ import annotations

import sys

import click

from amocrm_assets.errors import SettingsError

TITLE = "amoCRM: this is a test"
BODY = "Cause: `amocrm-assets alert --test` was run.\nFix: nothing to do."


@click.command("alert")
@click.option("--test", "is_test", is_flag=True, required=True, help="Send a test message to every address.")
def command(*, is_test: bool) -> None:  # noqa: ARG001 - the only thing that this command does
    """Send a test message to the addresses in AMOCRM_ALERTS.

    Exit status 0 only if every address accepted the message.
    """
    from amocrm_assets.orchestration.alerts.problem import Message
    from amocrm_assets.orchestration.alerts.send import require_supported, send, shown
    from amocrm_assets.settings.alerts import VARIABLE, AlertSettings

    addresses = AlertSettings.from_environment().addresses
    if not addresses:
        raise SettingsError(
            f"Reading the environment variable {VARIABLE}",
            cause=f"{VARIABLE} is not set.",
            fix=f"Set it, for example {VARIABLE}='tgram://TOKEN/CHAT'; docs/operations.md shows more.",
        )
    require_supported(addresses)
    places = {address: shown(address) for address in addresses}
    taken = {address: send(address, Message(TITLE, BODY)) for address in addresses}
    for address, place in places.items():
        click.echo(f"{'taken  ' if taken[address] else 'REFUSED'}  {place}")
    if not all(taken.values()):
        click.echo("Check the address, and whether this machine can reach the service.", err=True)
        sys.exit(1)
