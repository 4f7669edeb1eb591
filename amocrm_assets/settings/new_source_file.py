"""Writes the `defs.yaml` of a new source: the given settings, and all others as comments with an example.

Descriptions and examples come from `source`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from amocrm_assets.settings.documents import COMPONENT, NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from amocrm_assets.settings.source import SourceSettings


def default_attributes(subdomain: str) -> dict[str, Any]:
    """The default settings of a new source."""
    own = re.sub(r"\W", "_", subdomain).upper()
    return {
        "subdomain": subdomain,
        "display_name": subdomain,
        "access_token_env": f"AMOCRM_{own}_TOKEN",
        "timezone": "Europe/Moscow",
        "start_date": f"{datetime.now(UTC):%Y-%m-01}",
    }


def write_source_file(folder: Path, source: SourceSettings, attributes: Mapping[str, Any]) -> Path:
    """Write `folder/<subdomain>/defs.yaml`, and return its path. Raises `FileExistsError` if it exists."""
    file = folder / source.subdomain / NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as new:
        new.write(settings_text(source, attributes))
    return file


def settings_text(source: SourceSettings, attributes: Mapping[str, Any]) -> str:
    """The text of the file: the given settings, and all other settings as comments."""
    lines = [
        f"# {source.title}: an amoCRM account and what is imported from it.",
        f"type: {COMPONENT}",
        "attributes:",
    ]
    for name, field in type(source).model_fields.items():
        lines.append(f"  # {field.description}")
        if name in attributes:
            lines += [f"  {line}" for line in _yaml({name: attributes[name]})]
        else:
            lines += [f"  # {line}" for line in _yaml({name: (field.examples or [None])[0]})]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _yaml(setting: dict[str, Any]) -> list[str]:
    in_a_line = None if isinstance(next(iter(setting.values())), list) else False
    text = yaml.safe_dump(setting, allow_unicode=True, sort_keys=False, width=1000, default_flow_style=in_a_line)
    return str(text).splitlines()
