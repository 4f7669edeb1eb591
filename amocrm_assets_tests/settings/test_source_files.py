from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.cli.demo import demo_source
from amocrm_assets.settings import source_files
from amocrm_assets.settings.source_files import read_sources
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.settings.loading import find_sources, load_sources
from amocrm_assets_tests.settings.source_texts import GOOD, HEAD, problems_of, problems_with

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_source_is_the_sandbox() -> None:
    (source,) = load_sources()
    assert source.key == "sandbox"
    assert source.url == "http://127.0.0.1:8901"
    # The demo shows days of the same source. Its account allows more requests, to be quicker.
    demo = demo_source("http://127.0.0.1:8901")
    assert demo.requests_per_second > source.requests_per_second == 7
    assert source == demo.model_copy(update={"requests_per_second": 7.0})


def test_the_shipped_source_runs_by_no_schedule_of_its_own() -> None:
    (source,) = load_sources()
    assert not source.schedule.enabled


@pytest.mark.parametrize("changes", [{}, {"timezone": "Moon"}, {"enabled": False}])
def test_the_shipped_source_leaves_once_there_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    file = write_source(tmp_path, "sandbox", {**GOOD, "subdomain": "sandbox"})
    monkeypatch.setattr(source_files, "EXAMPLE", file)
    assert [found.settings.subdomain for found in read_sources(tmp_path).found] == ["sandbox"]
    write_source(tmp_path, "acme", {**GOOD, **changes})
    read = read_sources(tmp_path)
    assert [found.settings.subdomain for found in read.found] + [each.name for each in read.broken] == ["acme"]


def test_every_document_of_every_file_is_a_source_in_the_order_of_subdomains(tmp_path: Path) -> None:
    first = write_source(tmp_path, "some", {**GOOD, "subdomain": "zoo"})
    second = f"---\n{HEAD}  subdomain: acme\n  start_date: 2026-01-01\n  access_token_env: A\n"
    first.write_text(first.read_text(encoding="utf-8") + second, encoding="utf-8")
    write_source(tmp_path, "other", {**GOOD, "subdomain": "middle", "enabled": False})
    assert [source.subdomain for source in load_sources(tmp_path)] == ["acme", "middle", "zoo"]
    assert [found.line for found in find_sources(tmp_path) if found.file == first] == [8, 1]


@pytest.mark.parametrize("requirements", ["{env: [A, B]}", "{env: }", "{}", ""])
def test_requirements_that_dagster_takes_are_taken(tmp_path: Path, requirements: str) -> None:
    file = write_source(tmp_path, "acme", GOOD)
    file.write_text(f"requirements: {requirements}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    assert len(load_sources(tmp_path)) == 1


def test_a_start_date_may_stand_without_quotes(tmp_path: Path) -> None:
    write_source(tmp_path, "acme", GOOD).write_text(
        f"{HEAD}  subdomain: acme\n  access_token_env: A\n  start_date: 2026-01-31\n", encoding="utf-8"
    )
    assert load_sources(tmp_path)[0].start_date == "2026-01-31"


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01"])
def test_a_day_that_is_in_no_calendar_is_one_of_the_problems(tmp_path: Path, day: str) -> None:
    file = write_source(tmp_path, "acme", GOOD)
    file.write_text(f"{HEAD}  subdomain: acme\n  start_date: {day}\n  timezone: Moon\n", encoding="utf-8")
    problems = problems_of(tmp_path)
    assert len(problems) == 3
    assert problems[1] == f"{file}:4: `start_date`: '{day}' is not a day; write it as YYYY-MM-DD."


def test_a_file_of_nearly_the_right_name_is_not_passed_over(tmp_path: Path) -> None:
    file = write_source(tmp_path, "acme", GOOD).rename(tmp_path / "acme" / "defs.yml")
    assert problems_of(tmp_path) == [
        f"{file}:1: only files named defs.yaml are read. Rename it, or move it to another folder."
    ]


def test_a_folder_without_sources_is_no_problem(tmp_path: Path) -> None:
    assert load_sources(tmp_path) == []


def test_an_unknown_attribute_is_named_with_the_ones_close_to_it(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, import_lead=True)
    assert problem.endswith("`import_lead` is not a setting. Did you mean `import_leads` or `import_lead_name`?")


def test_an_unknown_attribute_close_to_none_is_answered_by_all(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, xyz=1)
    assert "`xyz` is not a setting. There are: subdomain, display_name, enabled," in problem


def test_an_unknown_part_of_the_schedule_is_named_with_the_ones_close_to_it(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, schedule={"hours": 3})
    assert problem.endswith("`schedule.hours` is not a setting. Did you mean `hour`?")


def test_a_missing_attribute_is_shown_by_an_example(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, start_date=...)
    assert problem.endswith("`start_date` is missing. For example: `start_date: '2026-01-01'`.")


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("timezone", "Europe/Moskau", "'Europe/Moskau' is not a time zone"),
        ("timezone", "../etc", "is not a time zone"),
        ("timezone", "localtime", "is not a time zone"),
        ("timezone", "posixrules", "is not a time zone"),
        ("timezone", "Europe", "is not a time zone"),
        ("base_url", "https://acme.amocrm.ru:65536", "is not an address of an account"),
        ("base_url", "https://:443", "is not an address of an account"),
        ("base_url", "https://[::1", "is not an address of an account"),
        ("leads_custom_fields", [True], "`leads_custom_fields`: True is not a field"),
        ("leads_custom_fields", ["Город", ""], "`leads_custom_fields`: '' is not a field"),
        ("leads_custom_fields", [{"field": "Город"}], "write it with its column, {field: Город, column: city}"),
        (
            "leads_custom_fields",
            [{"field": "Город", "column": "го род"}],
            "'го род' is not a column name; write up to",
        ),
        (
            "leads_custom_fields",
            [{"field": 5, "column": "Price"}],
            "the flat table already has a column 'Price'",
        ),
        ("leads_custom_fields", [{"field": 5, "column": "cf_6"}], "the flat table already has a column 'cf_6'"),
        (
            "leads_custom_fields",
            [{"field": 5, "column": "city"}, {"field": 6, "column": "City"}],
            "two fields have the column 'City'; give one of them another column",
        ),
        ("subdomain", 12345, '`subdomain`: a number here needs quotes: subdomain: "12345".'),
        ("start_date", "01.02.2026", "is not a day; write it as YYYY-MM-DD"),
        ("subdomain", "https://acme.amocrm.ru", "is not a subdomain"),
        ("base_url", "https://acme.amocrm.ru/api", "is not an address of an account"),
        ("requests_per_second", 0, "greater than 0"),
        ("schedule", {"hour": 24}, "`schedule.hour`: 24 is not between 0 and 23"),
        ("schedule", {"minute": -1}, "`schedule.minute`: -1 is not between 0 and 59"),
        ("leads_custom_fields", "Город", "should be a valid list. For example: `leads_custom_fields: [Город,"),
        ("enabled", "perhaps", "`enabled`: input should be a valid boolean"),
        ("owners", ["sales"], "`owners`: 'sales' is not an owner"),
        ("owners", ["ivan@shop.technology"], "whose last part, like `com`, has 2 to 7"),
        ("tags", {"a b": "c"}, "`tags`: 'a b' is not a tag"),
    ],
)
def test_a_wrong_value_is_explained(tmp_path: Path, attribute: str, value: object, expected: str) -> None:
    (problem,) = problems_with(tmp_path, **{attribute: value})
    assert expected in problem


def test_a_secret_in_the_place_of_a_variables_name_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, access_token_env="eyJ.hidden.hidden")
    assert "NAME of an environment variable" in problem
    assert "hidden" not in problem


def test_an_address_with_a_password_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, base_url="https://somebody:hidden@acme.amocrm.ru")
    assert "must not contain a user or a password" in problem
    assert "hidden" not in problem


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access_token_env": ...}, "neither given"),
        (
            {"oauth": {"client_id_env": "A", "client_secret_env": "B", "redirect_uri": "https://x.example"}},
            "both given",
        ),
    ],
)
def test_a_source_needs_exactly_one_kind_of_credentials(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    (problem,) = problems_with(tmp_path, **changes)
    assert expected in problem


def test_names_in_shards_need_the_tables_that_they_come_from(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, leads_status_name=True, import_reference=False)
    assert "`import_reference`: `leads_status_name: true` takes names from the reference tables" in problem


def test_credentials_are_judged_beside_other_problems(tmp_path: Path) -> None:
    problems = problems_with(tmp_path, access_token_env=..., timezone="Moon")
    assert len(problems) == 2


@pytest.mark.parametrize("other", ["my-shop", "my-Shop"])
def test_two_sources_of_one_subdomain_are_refused(tmp_path: Path, other: str) -> None:
    write_source(tmp_path, "a", {**GOOD, "subdomain": "my-shop"})
    second = write_source(tmp_path, "b", {**GOOD, "subdomain": other, "timezone": "Moon"})
    problems = problems_of(tmp_path)
    assert any(problem.startswith(f"{second}:") and "is taken: 'my-shop'" in problem for problem in problems)


def test_all_problems_of_all_files_come_in_one_message_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = tmp_path / "a" / "defs.yaml"
    first.write_text(
        f"{HEAD}  subdomain: acme\n  timezone: Moon\n  start_date: soon\n  access_token_env: A\n", encoding="utf-8"
    )
    (tmp_path / "b").mkdir()
    second = tmp_path / "b" / "defs.yaml"
    second.write_text("type: a: b", encoding="utf-8")
    assert [problem.split(": ")[0] for problem in problems_of(tmp_path)] == [
        f"{first}:4",
        f"{first}:5",
        f"{second}:1",
    ]


def test_commands_load_sources_without_importing_dagster() -> None:
    code = "import sys; from amocrm_assets.settings.source_files import read_sources; read_sources()"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'dagster' not in sys.modules"], check=True)
