"""Commands about a source with several entities: what misses which days, and what each may be asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from amocrm_assets.sandbox import Fault
from amocrm_assets_tests.accounts import leads_of, source

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command

pytestmark = pytest.mark.slow

YESTERDAY = datetime.now(source().zone).date() - timedelta(days=1)
BEFORE = YESTERDAY - timedelta(days=1)


@pytest.fixture
def several(add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The source `acme` with leads, contacts and companies of two days."""
    sandbox.reset(replace(sandbox.options, populations=(leads_of(BEFORE, 60, days=2),)))
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    switches: dict[str, Any] = {"import_contacts": True, "import_companies": True, "import_reference": False}
    add_source(base_url=sandbox.url, access_token_env="ACME_TOKEN", start_date=str(BEFORE), **switches)
    return sandbox


def test_a_run_and_sources_say_which_days_of_which_entity_are_missing(run: Command, several: Sandbox) -> None:
    assert run("run", "acme", "--from", str(BEFORE)).status == 0
    state = run("sources", "--json").json()[0]
    assert state["missing_by_entity"] == {"leads": [], "contacts": [], "companies": []}

    several.reset(replace(several.options, populations=(leads_of(BEFORE, 60, days=2),)))
    several.configure(faults=[Fault("403-json", path="/api/v4/contacts")])
    failed = run("run", "acme", "--from", str(BEFORE), "--json")
    assert failed.status == 1
    report = failed.json()
    assert report["missing"] == {"contacts": [str(BEFORE), str(YESTERDAY)]}
    assert "right to see contacts" in report["failure"]
    output = run("run", "acme", "--from", str(BEFORE)).err
    assert f"Missing: contacts of {BEFORE} to {YESTERDAY}." in output
    assert f"Go on with: amocrm-assets run acme --from {BEFORE} --to {YESTERDAY} --missing" in output


def test_sources_names_an_entity_that_misses_days_alone(run: Command, several: Sandbox) -> None:
    several.configure(faults=[Fault("403-json", path="/api/v4/companies")])
    assert run("run", "acme", "--from", str(BEFORE)).status == 1
    state = run("sources", "--json").json()[0]
    assert state["missing_by_entity"] == {
        "leads": [],
        "contacts": [],
        "companies": [str(BEFORE), str(YESTERDAY)],
    }
    assert state["missing_days"] == [str(BEFORE), str(YESTERDAY)]
    assert f"companies alone: {BEFORE} to {YESTERDAY} missing." in run("sources").out


def test_check_tries_each_entity(run: Command, several: Sandbox) -> None:
    steps = {each["step"]: each["outcome"] for each in run("check", "acme", "--json").json()}
    wanted = {f"{name} {step}" for name in ("contacts", "companies") for step in ("rights", "deleted", "fields")}
    assert wanted <= steps.keys()
    assert {steps[step] for step in wanted} == {"ok"}
    several.configure(faults=[Fault("403-json", path="/api/v4/contacts")])
    verdicts = {each["step"]: each for each in run("check", "acme", "--json").json()}
    assert verdicts["contacts rights"]["outcome"] == "failed"
    assert "right to see contacts" in str(verdicts["contacts rights"])
    assert verdicts["companies rights"]["outcome"] == verdicts["rights"]["outcome"] == "ok"


def test_check_tries_tasks_and_calls_by_what_their_lists_know(
    run: Command, add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    switches: dict[str, Any] = {"import_tasks": True, "import_calls": True, "import_reference": False}
    add_source(base_url=sandbox.url, access_token_env="ACME_TOKEN", start_date=str(BEFORE), **switches)
    steps = {each["step"]: each["outcome"] for each in run("check", "acme", "--json").json()}
    tried = {name: outcome for name, outcome in steps.items() if name.startswith(("tasks ", "calls "))}
    assert tried == {"tasks rights": "ok", "calls rights": "ok", "calls filters": "ok"}
    sandbox.configure(faults=[Fault("403-json", path="/api/v4/companies/notes")])
    verdicts = {each["step"]: each for each in run("check", "acme", "--json").json()}
    assert verdicts["calls rights"]["outcome"] == "failed"
    assert "/api/v4/companies/notes" in str(verdicts["calls rights"])
    assert verdicts["tasks rights"]["outcome"] == "ok"


@pytest.mark.usefixtures("several")
def test_fields_of_contacts_are_listed_with_their_own_setting(run: Command) -> None:
    ran = run("fields", "acme", "--of", "contacts")
    assert "PHONE" in ran.out
    assert "`contacts_custom_fields` is not set" in ran.out
    examples = run("fields", "acme", "--of", "companies", "--examples", "--json").json()["fields"]
    assert any(each["examples"] for each in examples if each["code"] == "PHONE")


def test_a_new_source_may_bring_them_from_the_start(run: Command, defs: Path) -> None:
    assert run("new", "my-shop", "--import", "contacts", "--import", "companies").status == 0
    written = yaml.safe_load((defs / "my-shop" / "defs.yaml").read_text(encoding="utf-8"))["attributes"]
    assert (written["import_contacts"], written["import_companies"]) == (True, True)


def test_what_fails_every_entity_is_said_once(run: Command, several: Sandbox) -> None:
    several.configure(faults=[Fault("403-json", path="/api/v4/account")])
    report = run("run", "acme", "--json").json()
    assert sorted(report["missing"]) == ["companies", "contacts", "leads"]
    lines = report["failure"].splitlines()
    assert len(lines) == len(set(lines)) == 1


def test_two_entities_that_fail_over_a_range_are_both_said_with_their_days(run: Command, several: Sandbox) -> None:
    faults = [Fault("403-json", path=f"/api/v4/{name}") for name in ("contacts", "companies")]
    several.configure(faults=faults)
    report = run("run", "acme", "--from", str(BEFORE), "--json").json()
    days = [str(BEFORE), str(YESTERDAY)]
    assert report["missing"] == {"contacts": days, "companies": days}
    assert "right to see contacts" in report["failure"]
    assert "right to see companies" in report["failure"]

    several.configure(faults=[])
    request_count = len(several.requests)
    assert run("run", "acme", "--from", str(BEFORE), "--missing").status == 0
    # Leads are not read again; the newest one shows that a list without records is empty.
    leads = [each for each in list(several.requests)[request_count:] if each.path == "/api/v4/leads"]
    assert all("limit=1&" in each.query and "filter" not in each.query for each in leads)
    assert not any(run("sources", "--json").json()[0]["missing_by_entity"].values())
