"""Tests of `cli.probe`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.crm.probe.questions import OF_ALL_REQUESTS, QUESTIONS
from amocrm_assets.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command


pytestmark = pytest.mark.slow


def test_a_probe_is_a_table_and_is_kept_for_readings(run: Command, acme: Sandbox, tmp_path: Path) -> None:
    ran = run("probe", "acme")
    assert (ran.status, ran.err) == (0, "")
    for heading in ("question", "asked", "observed", "conclusion"):
        assert heading in ran.out
    assert all(question.key in ran.out for question in (*QUESTIONS, *OF_ALL_REQUESTS))
    kept = tmp_path / "data" / "probes" / "acme.json"
    assert f"Kept as {kept}" in ran.out.replace("\n", "")
    assert f"{len(acme.requests)} requests; " in ran.out
    assert ran.out.splitlines()[-1] == "Next: amocrm-assets check acme"


@pytest.mark.usefixtures("acme")
def test_for_programs_the_report_comes_as_json_as_it_is_kept(run: Command, tmp_path: Path) -> None:
    ran = run("probe", "acme", "--json")
    kept = json.loads((tmp_path / "data" / "probes" / "acme.json").read_text())
    assert ran.json() == kept
    assert kept["amocrm_assets_probe"] == 1
    assert [answer["question"] for answer in kept["answers"]] == [
        question.key for question in (*QUESTIONS, *OF_ALL_REQUESTS)
    ]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("columns", [40, 99, 100, 200])
def test_it_fits_any_terminal(run: Command, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = run("probe", "acme").out.split("requests;")[0]
    assert max(map(len, shown.splitlines())) <= columns
    together = "".join(char for char in shown if char.isalnum() or char in "_[]`")
    for wanted in ("order[updated_at]", "id_order_beside_filter", "notsettled"):
        assert wanted in together or columns >= 100
    assert "…" not in shown


@pytest.mark.usefixtures("acme")
def test_a_second_probe_takes_the_place_of_the_first(run: Command, acme: Sandbox) -> None:
    first = run("probe", "acme", "--json").json()
    acme.configure(half_open=True)
    second = run("probe", "acme", "--json").json()
    values = [
        {answer["question"]: answer["value"] for answer in report["answers"]}["to_inclusive"]
        for report in (first, second)
    ]
    assert values == [True, False]


@pytest.mark.parametrize(
    ("fault", "cause_and_fix"),
    [
        (Fault("402"), ("402, the account is not paid", "Pay the amoCRM subscription")),
        (Fault("403-json", path="/api/v4/leads"), ("403, not allowed", "the right to see leads")),
        (Fault("401"), ("401, the token is not accepted, twice in a row", "put it into ACME_TOKEN")),
    ],
)
def test_an_account_that_cannot_be_asked_ends_in_cause_and_fix(
    run: Command, acme: Sandbox, tmp_path: Path, fault: Fault, cause_and_fix: tuple[str, str]
) -> None:
    acme.configure(faults=(fault,))
    ran = run("probe", "acme")
    assert (ran.status, ran.out) == (1, "")
    assert all(each in ran.err for each in cause_and_fix)
    assert not (tmp_path / "data" / "probes").exists()


def test_a_missing_token_is_named(run: Command, add_source: AddSource, sandbox: Sandbox) -> None:
    add_source(base_url=sandbox.url, access_token_env="NOT_THERE")
    ran = run("probe", "acme")
    assert ran.status == 1
    assert "Set NOT_THERE" in ran.err
    assert list(sandbox.requests) == []
