"""The sources of a folder where none of them may be wrong, as most tests want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.settings.source_files import SourceFound, read_sources

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.settings import SourceSettings


def find_sources(folder: Path | None = None) -> list[SourceFound]:
    """All sources with their places, by subdomain. A broken one fails with each of its problems."""
    sources = read_sources(folder)
    problems = [problem for broken in sources.broken for problem in broken.problems]
    listed = "\n".join(map(str, sorted(problems, key=lambda each: (each.file, each.line))))
    assert not problems, f"{len(problems)} problem{'s' if len(problems) > 1 else ''}:\n{listed}"
    return sources.found


def load_sources(folder: Path | None = None) -> list[SourceSettings]:
    """Settings of all sources, the disabled ones too, by subdomain."""
    return [found.settings for found in find_sources(folder)]
