"""Tests of `cli.fields` and `fields`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command


def test_every_field_of_the_account_is_listed(run: Command, acme: Sandbox) -> None:
    ran = run("fields", "acme")
    assert (ran.status, ran.err) == (0, "")
    catalogue = acme.account.content.fields.catalogue
    for field in catalogue:
        assert re.search(rf"{field['id']}\b.*{re.escape(field['name'])}.*{field['type']}", ran.out)
    assert "All fields are imported, since `leads_custom_fields` is not set" in ran.out


def test_for_programs_fields_come_as_json_with_what_is_chosen(
    run: Command, add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    catalogue = sandbox.account.content.fields.catalogue
    chosen = [catalogue[0]["id"], catalogue[1]["name"], catalogue[2]["name"] + "x"]
    add_source(base_url=sandbox.url, access_token_env="ACME_TOKEN", leads_custom_fields=chosen)
    offered = run("fields", "acme", "--json").json()
    assert [field["id"] for field in offered["fields"]] == [field["id"] for field in catalogue]
    imported = [field for field in offered["fields"] if field["is_chosen"]]
    assert {field["name"] for field in imported} == {catalogue[0]["name"], catalogue[1]["name"]}
    assert offered["missing"] == {chosen[2]: [catalogue[2]["name"]]}
    assert f"names '{chosen[2]}', which the account has not. Did you mean " in run("fields", "acme").out


@pytest.mark.usefixtures("acme")
def test_examples_are_texts_as_they_will_stand_in_the_rows(run: Command) -> None:
    fields = run("fields", "acme", "--examples", "--json").json()["fields"]
    examples = {field["type"]: field["examples"] for field in fields if field["examples"]}
    assert all(1 <= len(shown) <= 3 for shown in examples.values())
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", shown) for shown in examples["date"])
    assert set(examples["checkbox"]) <= {"true", "false"}
    assert len(examples) > 5
    assert examples["date"][0] in run("fields", "acme", "--examples").out


def test_an_account_without_leads_has_no_examples(run: Command, acme: Sandbox) -> None:
    acme.reset(replace(acme.options, populations=()))
    fields = run("fields", "acme", "--examples", "--json").json()["fields"]
    assert [field["examples"] for field in fields] == [[]] * len(fields)
