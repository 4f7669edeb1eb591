"""`amocrm-assets sandbox`: a local amoCRM for tests and demos, with faults on request."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.sandbox import Sandbox, SandboxOptions

# The shipped source `defs/sandbox/defs.yaml` uses this port, with the token in this variable.
PORT = 8901
TOKEN_VARIABLE = "AMOCRM_SANDBOX_TOKEN"  # noqa: S105  # the name of a variable


@click.command("sandbox")
@click.option("--port", default=PORT, show_default=True, help="Port on 127.0.0.1; 0 selects a free one.")
@click.option("--no-limit", is_flag=True, help="Do not enforce amoCRM's 7 requests a second.")
@click.option(
    "--limit-kind",
    default="sliding",
    show_default=True,
    help="How requests are counted: sliding (any second), fixed (the clock's seconds) or bucket:N (N at once).",
)
@click.option("--jitter-ms", type=float, default=0.0, help="Maximum delay of a request before it arrives.")
@click.option("--latency", type=float, default=0.0, help="Response time in seconds.")
@click.option("--edits", type=int, default=0, help="Number of leads that are edited after each response.")
@click.option("--no-filters", is_flag=True, help="Ignore filters, as accounts without the paid option do.")
@click.option("--fault", "faults", multiple=True, metavar="KIND=RATE", help="For example 502=0.1 or reset=0.05.")
@click.option("--set", "others", multiple=True, metavar="NAME=JSON", help="Any other option, by its name.")
@click.option(
    "--token", "show_token", is_flag=True, help="Print the account's long-lived token, and serve nothing."
)
@click.option("--options", "show_options", is_flag=True, help="List the names for --set, and the kinds of faults.")
@click.argument("beside", nargs=-1, metavar="[-- COMMAND...]")
def command(port: int, *, show_token: bool, show_options: bool, beside: tuple[str, ...], **given: Any) -> None:
    """Serve a small amoCRM on your own machine, until Ctrl-C, or while COMMAND runs.

    It behaves like the real API, including its rate limit and quirks, and contains a generated account that grows
    over time. To change faults while it runs, POST the same names as JSON to /sandbox/control.
    """
    from amocrm_assets.sandbox import long_lived_token, serve

    if show_options:
        _show_options()
        return
    if show_token:
        click.echo(long_lived_token(_options(**given)))
        return
    try:
        if beside:
            raise SystemExit(_serve_beside(_options(**given), port, beside))
        sandbox = serve(_options(**given), port, ready=_ready)
    except FileNotFoundError as error:
        raise click.UsageError(f"there is no command {error.filename}") from error
    except OSError as error:
        raise SettingsError(
            f"Serving the sandbox on 127.0.0.1:{port}",
            cause=f"{error.strerror or error}.",
            fix="Stop the program that uses the port, or choose another one with `--port`.",
        ) from error
    click.echo(f"{len(sandbox.requests)} requests, {sandbox.limiter.refusals} of them refused (429).")


def _serve_beside(options: SandboxOptions, port: int, command: Sequence[str]) -> int:
    """Serve until the command ends; returns its exit status. The command itself handles signals."""
    from amocrm_assets.sandbox import running_sandbox

    with running_sandbox(options, port=port) as sandbox:
        click.echo(f"amoCRM sandbox on {sandbox.url}")
        # A script's background jobs ignore SIGINT, and so would what `dg dev` starts, and ends by SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        process = subprocess.Popen(command)  # noqa: S603  # the user's own words
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches both
        return process.wait()


def _options(
    *,
    no_limit: bool,
    limit_kind: str,
    jitter_ms: float,
    latency: float,
    edits: int,
    no_filters: bool,
    faults: tuple[str, ...],
    others: tuple[str, ...],
) -> SandboxOptions:
    from amocrm_assets.sandbox.options import options_from_json

    values: dict[str, Any] = {
        "limit_kind": limit_kind,
        "jitter_seconds": jitter_ms / 1000,
        "latency_seconds": latency,
        "edits_per_answer": edits,
        "filters_enabled": not no_filters,
        "faults": [{"kind": kind, "rate": float(rate)} for kind, rate in map(_pair, faults)],
    }
    if no_limit:
        values["requests_per_second"] = None
    try:
        return options_from_json(values | {name: json.loads(value) for name, value in map(_pair, others)})
    except (ValueError, TypeError) as error:
        raise click.UsageError(f"{error} (`amocrm-assets sandbox --options` lists the names)") from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _show_options() -> None:
    from typing import get_args

    from amocrm_assets.sandbox import SandboxOptions
    from amocrm_assets.sandbox.options import FaultKind

    for option in fields(SandboxOptions):
        click.echo(f"{option.name} = {option.default!r}")
    click.echo(f"\nfaults: {', '.join(get_args(FaultKind))}")


def _ready(sandbox: Sandbox) -> None:
    click.echo(f"amoCRM sandbox on {sandbox.url} (Ctrl-C ends it). For the shipped source, in another terminal:")
    click.echo(f"  export {TOKEN_VARIABLE}={sandbox.token}")
