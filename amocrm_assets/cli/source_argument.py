"""The argument SOURCE of commands: a subdomain, a key or a display name.

For how sources are found see `settings.source_files`.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click

from amocrm_assets.untrusted import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.settings.source_files import BrokenSource


# The key in a command's context for the `SourceFound` of its source.
PLACE = "amocrm_assets.place"


class SourceArgument(click.ParamType["SourceSettings"]):
    """A source, given by name."""

    name = "source"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SourceSettings:
        """The source of that name; the error for an unknown name lists the existing ones."""
        from amocrm_assets.cli.known_sources import known_sources
        from amocrm_assets.settings.sources_folder import existing_sources_folder

        folder = existing_sources_folder()
        read = known_sources(folder)
        sources = [found.settings for found in read.found]
        for found in read.found:
            source = found.settings
            if _folded(str(value)) in map(_folded, _names(source)):
                _warn_of(read.broken)
                if ctx is not None:
                    ctx.meta[PLACE] = found
                return source
        for broken in read.broken:
            if str(value).casefold() in {broken.name.casefold(), broken.file.parent.name.casefold()}:
                raise broken.error()
        known = [source.subdomain for source in sources]
        close = difflib.get_close_matches(str(value), known)
        there = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known) or 'none yet'}."
        message = f"there is no source {value!r} in {folder}. {there} `amocrm-assets new {value}` makes one."
        raise click.BadParameter(message, ctx, param)


def _warn_of(broken: Sequence[BrokenSource]) -> None:
    for each in broken:
        message = f"! {each.name} is left out, its settings are wrong: {each.problems[0]}"
        click.secho(visible(message), fg="yellow", err=True)


def _names(source: SourceSettings) -> set[str]:
    return {source.subdomain, source.key, source.title}


def _folded(name: str) -> str:
    """A name without insignificant differences: letter case, and the kind and number of spaces."""
    return " ".join(name.casefold().split())


SOURCE = SourceArgument()
