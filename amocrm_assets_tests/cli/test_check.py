"""Tests of `cli.check` and `checking`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command, Ran

STEPS = [
    "settings", "address", "connection", "token", "account", "rights", "zone", "filters", "deleted", "fields",
    "storage", "probe", "token store", "warehouse",
]  # fmt: skip


@pytest.fixture
def reached(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox whose token is in ACME_TOKEN."""
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    return sandbox


def outcomes(ran: Ran) -> dict[str, str]:
    return {verdict["step"]: verdict["outcome"] for verdict in ran.json()}


def verdict(ran: Ran, step: str) -> str:
    return " ".join(str(found["said"]) + " " + str(found["fix"]) for found in ran.json() if found["step"] == step)


@pytest.mark.usefixtures("acme")
def test_a_source_that_can_run_passes_every_step_and_leaves_nothing_behind(run: Command, tmp_path: Path) -> None:
    ran = run("check", "acme", "--json")
    assert (ran.status, outcomes(ran)) == (0, dict.fromkeys(STEPS, "ok"))
    assert not [path for path in tmp_path.rglob("checks/*") if not path.name.startswith(".")]


@pytest.mark.usefixtures("acme")
def test_for_people_each_step_is_a_line_and_the_next_command_follows(run: Command) -> None:
    ran = run("check", "acme")
    assert [line[2:14].strip() for line in ran.out.splitlines()[:-1]] == STEPS
    assert ran.out.splitlines()[-1] == "Next: amocrm-assets run acme"


@pytest.mark.slow
def test_each_entity_is_tried_by_what_its_list_can_be_asked_for(
    run: Command, reached: Sandbox, add_source: AddSource
) -> None:
    add_source(base_url=reached.url, access_token_env="ACME_TOKEN", import_contacts=True, import_events=True)
    more = ["contacts rights", "contacts filters", "contacts deleted", "contacts fields", "events rights"]
    assert outcomes(run("check", "acme", "--json")) == dict.fromkeys([*STEPS, *more], "ok")
    assert "contacts filters honoured" in run("check", "acme").out


def test_events_alone_have_rights_alone(run: Command, reached: Sandbox, add_source: AddSource) -> None:
    add_source(base_url=reached.url, access_token_env="ACME_TOKEN", import_leads=False, import_events=True)
    only = set(STEPS) - {"filters", "deleted", "fields"}
    assert outcomes(run("check", "acme", "--json")) == dict.fromkeys(only, "ok")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enabled": False}, "Set `enabled: true` in the defs.yaml of acme"),
        ({"import_leads": False}, "Set `import_leads: true`"),
        ({"start_date": "2999-01-01"}, "`start_date` is 2999-01-01"),
        ({"latest_view": True}, "Write `latest_table: true` into the defs.yaml of acme"),
    ],
)
def test_settings_that_a_person_should_look_at_are_told(
    run: Command, add_source: AddSource, reached: Sandbox, *, changes: dict[str, Any], message: str
) -> None:
    add_source(base_url=reached.url, access_token_env="ACME_TOKEN", **changes)
    ran = run("check", "acme", "--json")
    assert outcomes(ran) == dict.fromkeys(STEPS, "ok") | {"settings": "warning"}
    assert message in verdict(ran, "settings")
    assert "Next:" not in run("check", "acme").out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda name: f"{name} ", "is nothing, and not SPACE"),
        (lambda name: name.replace(" ", "\N{NO-BREAK SPACE}", 1), "is SPACE, and not NO-BREAK SPACE"),
        (lambda name: name.replace("о", "o", 1), "is CYRILLIC SMALL LETTER O, and not LATIN SMALL LETTER O"),
    ],
)
def test_a_name_that_looks_like_another_is_told_from_it(
    run: Command, add_source: AddSource, reached: Sandbox, *, change: Callable[[str], str], sentence: str
) -> None:
    names = [field["name"] for field in reached.account.content.fields.definitions]
    name = next(name for name in names if " " in name and "о" in name)
    add_source(base_url=reached.url, access_token_env="ACME_TOKEN", leads_custom_fields=[change(name)])
    assert sentence in verdict(run("check", "acme", "--json"), "fields")
    assert sentence in run("fields", "acme").out


def test_an_oauth_source_passes_too(run: Command, acme_oauth: Sandbox) -> None:
    assert outcomes(run("check", "acme", "--json"))["token"] == "failed"
    run("connect", "acme", "--code", stdin=acme_oauth.tokens.code())
    ran = run("check", "acme", "--json")
    assert outcomes(ran) == dict.fromkeys(STEPS, "ok")
    assert "tokens is writable" in verdict(ran, "token store")


@pytest.mark.usefixtures("acme")
def test_what_needs_a_failed_step_is_not_tried(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    ran = run("check", "acme", "--json")
    assert ran.status == 1
    skipped = dict.fromkeys(["account", "rights", "zone", "filters", "deleted", "fields"], "skipped")
    assert outcomes(ran) == dict.fromkeys(STEPS, "ok") | {"token": "failed"} | skipped
    assert "Set ACME_TOKEN" in verdict(ran, "token")
    assert "Next:" not in run("check", "acme").out


def test_an_address_that_does_not_exist_is_told_from_one_that_does_not_answer(
    run: Command, add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    add_source("nowhere", base_url="https://no-such-account.invalid", access_token_env="ACME_TOKEN")
    ran = run("check", "nowhere", "--json")
    assert "there is no such name" in verdict(ran, "address")
    # Nobody waits for the client's retries where there is nobody to ask.
    assert (outcomes(ran)["connection"], outcomes(ran)["account"]) == ("skipped", "skipped")
    add_source("silent", base_url="http://127.0.0.1:1", access_token_env="ACME_TOKEN")
    ran = run("check", "silent", "--json")
    assert outcomes(ran)["address"] == "ok"
    assert "the connection failed (Connection refused)" in verdict(ran, "connection")


@pytest.mark.parametrize(
    ("change", "expected", "message"),
    [
        ({"timezone": "Asia/Yekaterinburg"}, ("zone", "warning"), "write `timezone: Asia/Yekaterinburg`"),
        ({"filters_enabled": False}, ("filters", "warning"), "does not filter by time"),
        ({"only_deleted_ignored": True}, ("deleted", "warning"), "import_deleted: false"),
        ({"subdomain": "other"}, ("account", "failed"), "of the account other"),
        ({"faults": [Fault("403-json", path="/api/v4/leads")]}, ("rights", "failed"), "right to see leads"),
        ({"faults": [Fault("403-json", path="/api/v4/users")]}, ("rights", "warning"), "Authorise as an admin"),
        ({"faults": [Fault("403-html", path="/api/v4/users")]}, ("rights", "warning"), "Authorise as an admin"),
        ({"faults": [Fault("403-json", path="/api/v4/leads")]}, ("filters", "failed"), "right to see leads"),
        ({"faults": [Fault("402")]}, ("account", "failed"), "not paid"),
    ],
)
def test_what_the_account_says_is_judged(
    run: Command, acme: Sandbox, change: dict[str, object], expected: tuple[str, str], message: str
) -> None:
    step, outcome = expected
    acme.configure(**change)
    ran = run("check", "acme", "--json")
    assert outcomes(ran)[step] == outcome
    assert message in verdict(ran, step)
    assert ran.status == (outcome == "failed")


def test_a_chosen_field_that_is_not_there_is_named_with_close_ones(
    run: Command, add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    name = sandbox.account.content.fields.definitions[0]["name"]
    add_source(base_url=sandbox.url, access_token_env="ACME_TOKEN", leads_custom_fields=[name + "x"])
    ran = run("check", "acme", "--json")
    assert outcomes(ran)["fields"] == "warning"
    assert f"no field '{name}x'. Close to it: {name}" in verdict(ran, "fields")


@pytest.mark.usefixtures("acme")
def test_places_that_cannot_be_written_are_named(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("AMOCRM_STORAGE", str(file))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", "oracle://x")
    ran = run("check", "acme", "--json")
    assert outcomes(ran) == dict.fromkeys(STEPS, "ok") | {
        "storage": "failed",
        "probe": "skipped",
        "warehouse": "failed",
    }
    assert "AMOCRM_WAREHOUSE" in verdict(ran, "warehouse")


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_the_last_probe_is_shown(run: Command, tmp_path: Path) -> None:
    ran = run("check", "acme", "--json")
    assert "not probed: run `amocrm-assets probe acme`" in verdict(ran, "probe")
    assert run("probe", "acme").status == 0
    ran = run("check", "acme", "--json")
    assert outcomes(ran)["probe"] == "ok"
    assert "UTC: filters honoured, [from] inclusive, only_deleted known" in verdict(ran, "probe")
    report = tmp_path / "data" / "probes" / "acme.json"
    report.write_text(report.read_text().replace('_probe": 1', '_probe": 2'))
    ran = run("check", "acme", "--json")
    assert (ran.status, outcomes(ran)["probe"]) == (0, "warning")
    assert "format 2, this version knows 1: run `amocrm-assets probe acme`" in verdict(ran, "probe")
