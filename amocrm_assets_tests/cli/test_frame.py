"""Each command has help, errors are readable, and importing anything does nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from pkgutil import walk_packages

import pytest
from click.testing import CliRunner

import amocrm_assets
from amocrm_assets.cli import COMMANDS, commands, main

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_stands_in_the_readme(name: str) -> None:
    shown = CliRunner().invoke(commands, [name, "--help"])

    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) > 5
    assert f"amocrm-assets {name}" in README.read_text()


def test_an_unknown_source_is_answered_by_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "nobody"])

    assert "sandbox" in capsys.readouterr().err


def test_every_module_can_be_imported_with_an_empty_environment() -> None:
    modules = [
        module.name
        for module in walk_packages(amocrm_assets.__path__, "amocrm_assets.")
        if not module.name.endswith("__main__")
    ]
    statements = "".join(f"import {name}\n" for name in modules)

    ended = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(README.parent)!r})\n{statements}"],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
