"""Each command has help, errors are readable, and importing anything does nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import amocrm_assets
from amocrm_assets.cli import COMMANDS, commands, main

if TYPE_CHECKING:
    from amocrm_assets_tests.cli.conftest import AddSource, Command

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_stands_in_the_readme(name: str) -> None:
    shown = CliRunner().invoke(commands, [name, "--help"])

    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) > 5
    assert f"amocrm-assets {name}" in README.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command = commands.get_command(click.Context(commands), name)
    assert command
    assert COMMANDS[name] == command.get_short_help_str(limit=1000)


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_neither_dagster_nor_pydantic(arguments: list[str]) -> None:
    call = "try: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    code = f"import sys; from amocrm_assets.cli import main\n{call}"
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=README.parent
    )
    imported = set(ended.stderr.split())
    assert "click" in imported
    assert not {"dagster", "pydantic", "requests", "pyarrow", "rich"} & imported


def test_an_unknown_source_is_answered_by_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "nobody"])

    assert "sandbox" in capsys.readouterr().err


@pytest.mark.slow
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


def test_the_list_of_commands_cuts_no_description_off() -> None:
    shown = CliRunner().invoke(commands, ["--help"], terminal_width=60)
    listed = shown.output.partition("Commands:")[2]
    assert "..." not in listed
    assert "Load days of SOURCE into the warehouse: yesterday, or --from … --to." in " ".join(listed.split())


def test_days_are_described_as_people_write_them() -> None:
    assert "--from YYYY-MM-DD" in CliRunner().invoke(commands, ["run", "--help"]).output
    refused = CliRunner().invoke(commands, ["run", "sandbox", "--from", "31.03.2026"])
    assert refused.exit_code == 2
    assert "Write it as YYYY-MM-DD" in " ".join(refused.output.split())
    assert "%Y" not in refused.output


@pytest.mark.slow
def test_output_that_is_not_utf_8_shows_names_as_escapes(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "defs.yaml").write_text(
        "type: amocrm_assets.AmoCrmSource\n"
        "attributes: {subdomain: acme, display_name: Цветы, access_token_env: T, start_date: 2026-01-01}\n",
        encoding="utf-8",
    )
    ended = subprocess.run(
        [sys.executable, "-m", "amocrm_assets.cli", "sources", "--json"],
        env={
            "AMOCRM_SOURCES": str(tmp_path),
            "AMOCRM_STORAGE": str(tmp_path),
            "AMOCRM_TOKENS": str(tmp_path),
            "AMOCRM_WAREHOUSE": f"duckdb:///{tmp_path}/warehouse.duckdb",
            "PYTHONIOENCODING": "latin-1:strict",
            "PYTHONPATH": str(README.parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert '"display_name": "\\u0426\\u0432\\u0435\\u0442\\u044b"' in ended.stdout


@pytest.mark.usefixtures("defs")
def test_who_is_elsewhere_is_told_where_the_documents_are(
    run: Command, add_source: AddSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_source("wrong", access_token_env="A", start_date="soon")
    add_source("sound", access_token_env="NOT_SET")
    there = f"(docs/ is {README.parent}/docs)"
    monkeypatch.chdir(tmp_path)
    assert there in run("run", "wrong").err
    assert there in run("new", "other", "--token-env", "B", "--folder", str(tmp_path / "new")).out
    assert there in run("check", "sound").out
    monkeypatch.chdir(README.parent)
    assert there not in run("run", "wrong").err


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["run", "acme", "--from", "2999-01-01"], 1, "is not over yet"),
        (["run", "nobody"], 2, "there is no source 'nobody'"),
        (["run", "wrong"], 1, "'soon' is not a day"),
        (["check", "nobody"], 2, "there is no source 'nobody'"),
    ],
)
@pytest.mark.usefixtures("acme")
def test_a_program_reads_json_of_a_command_that_is_refused_too(
    run: Command, add_source: AddSource, arguments: list[str], status: int, expected: str
) -> None:
    add_source("wrong", access_token_env="A", start_date="soon")
    ran = run(*arguments, "--json")
    assert ran.status == status
    assert ran.json()["landed"] is False
    assert expected in ran.json()["failure"]
    assert expected in ran.err
