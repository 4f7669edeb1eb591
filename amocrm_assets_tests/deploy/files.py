"""What the files under `deploy/` say.

Tests hold them against each other, and start what they describe.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

Values = dict[str, Any]


def read_yaml(name: str, folder: Path = DEPLOY) -> Values:
    """A settings file."""
    values = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


def services() -> dict[str, Values]:
    """The services of the compose file by name."""
    found: dict[str, Values] = read_yaml("docker-compose.yaml")["services"]
    return found


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def last(instruction: str) -> str:
    """The argument of the last instruction of a kind, which is the one that counts."""
    return [rest for name, rest in instructions() if name == instruction][-1]


def default_command() -> list[str]:
    """What the image runs when nothing else is said: the code location."""
    command: list[str] = json.loads(last("CMD"))
    return command


def health_check(service: str) -> list[str]:
    """The command that tells whether a service is well; the image's own where the service has none."""
    check = services()[service].get("healthcheck")
    command: list[str] = check["test"] if check else ["CMD", *json.loads(last("HEALTHCHECK").partition("CMD ")[2])]
    assert command[0] == "CMD"
    return command[1:]
