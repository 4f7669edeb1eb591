"""The command line, `amocrm-assets`: one module per command, loaded when it is called.

Commands parse their arguments, call the other packages, and print. An error of the project becomes one readable
block and exit status 1; any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.waiting import listen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# With the first sentence of their help, so that listing them imports none of their modules.
COMMANDS = {
    "demo": "Load the last seven days of a built-in sandbox account into the warehouse, and show the rows.",
    "sandbox": "Serve a small amoCRM on your own machine, until Ctrl-C, or while COMMAND runs.",
    "new": "Write the settings of a new source: ACCOUNT is a subdomain, or the address of the account.",
    "connect": "Connect SOURCE to its amoCRM account with OAuth 2.0.",
    "disconnect": "Delete the OAuth tokens of SOURCE.",
    "sources": "List the sources: who is connected, when the token expires, and which days are loaded.",
    "check": "Test every step of a run of SOURCE, and say how to fix those that fail.",
    "probe": "Find out how the account of SOURCE behaves where amoCRM's API is undocumented.",
    "fields": "List the custom fields of leads in the account of SOURCE, and which of them are imported.",
    "run": "Load days of SOURCE into the warehouse: yesterday, or --from … --to.",
    "forget": "Erase a person from all data of SOURCE, and from all data that it will read.",
    "alert": "Send a test message to the addresses in AMOCRM_ALERTS.",
}

# 128 and the number of SIGINT.
INTERRUPTED_STATUS = 130


class _Commands(click.Group):
    """Loads a command's module when the command is named: `--help` of one need not load Dagster for another."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"amocrm_assets.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101  # a module of this package that breaks the rule
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The commands with their complete first sentences; click would truncate them to the terminal's width."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the named command; Ctrl-C and SIGTERM end it with a message and the exit status of Ctrl-C.

        With `--json` an error is printed as JSON, too.
        """
        try:
            with _terminated_as_interrupted():
                return super().invoke(ctx)
        except (AmoCrmAssetsError, click.UsageError) as error:
            if ctx.obj:
                click.echo(json.dumps(_refusal(error), ensure_ascii=False))
            raise
        except KeyboardInterrupt:
            click.secho("\nInterrupted.", fg="yellow", err=True)
            ctx.exit(INTERRUPTED_STATUS)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Handle SIGTERM (a container that is stopped, `kill`) like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refusal(error: AmoCrmAssetsError | click.UsageError) -> dict[str, Any]:
    """What a program reads of a command that did nothing: `run` tells `landed` in any case."""
    if isinstance(error, click.UsageError):
        return {"landed": False, "failure": error.format_message()}
    parts = {"operation": error.operation, "cause": error.cause, "fix": error.fix}
    return {"landed": False, "failure": str(error), "source": error.facts.get("source"), **parts}


@click.group(
    cls=_Commands,
    epilog=(
        "Begin with `amocrm-assets demo`. Sources are <source>/defs.yaml files in the folder AMOCRM_SOURCES,"
        " or in the defs folder of the Dagster project that you are in."
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="amocrm-assets")
def commands() -> None:
    """amoCRM leads in BigQuery every day, complete and safe to repeat."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `amocrm-assets` script."""
    _print_what_the_terminal_cannot()
    try:
        with listen(lambda sentence: click.echo(f"… {sentence}", err=True)):
            asked_for_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
            commands(args=arguments, prog_name="amocrm-assets", obj=asked_for_json)
    except AmoCrmAssetsError as error:
        click.secho(f"{error.operation}:", fg="red", err=True)
        click.echo(f"  {error.cause}\n  {error.fix}", err=True)
        from amocrm_assets.settings.docs_folder import documents_note

        if note := documents_note(str(error)):
            click.echo(f"  {note}", err=True)
        sys.exit(1)


def _print_what_the_terminal_cannot() -> None:
    """Let output that is not UTF-8 show a name's letters as escapes, where a day would end in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not what a test or a program put in its place
            stream.reconfigure(errors="backslashreplace")
