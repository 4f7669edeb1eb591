"""What README says of the first hour agrees with what CI does."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _installed(text: str) -> set[str]:
    """The packages that the `apt-get install` commands of a text install."""
    commands = re.findall(r"apt-get install ([^`>\n]*)", text)
    return {word for command in commands for word in command.split() if not word.startswith("-")}


def test_readme_names_every_debian_package_that_ci_installs() -> None:
    assert _installed(README) == _installed((ROOT / ".ci" / "run").read_text(encoding="utf-8"))


def test_every_command_of_the_first_hour_can_be_typed_as_it_stands() -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    assert shell.index("git clone") < shell.index("make demo")
    assert 0 <= shell.find('export PATH="$PWD/.venv/bin:$PATH"') < shell.index("\namocrm-assets ")
