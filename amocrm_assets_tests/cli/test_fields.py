"""Tests of `cli.fields` and `fields`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets_tests.crm.http.answering import answering

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.cli.conftest import AddSource, Command


def test_every_field_of_the_account_is_listed(run: Command, acme: Sandbox) -> None:
    ran = run("fields", "acme")
    assert (ran.status, ran.err) == (0, "")
    defined = acme.account.content.fields.definitions
    for field in defined:
        assert re.search(rf"{field['id']}\b.*{re.escape(field['name'])}.*{field['type']}", ran.out)
    assert "All fields are imported, since `leads_custom_fields` is not set" in ran.out


def test_for_programs_fields_come_as_json_with_what_is_chosen(
    run: Command, add_source: AddSource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", sandbox.token)
    defined = sandbox.account.content.fields.definitions
    chosen = [defined[0]["id"], defined[1]["name"], defined[2]["name"] + "x"]
    add_source(base_url=sandbox.url, access_token_env="ACME_TOKEN", leads_custom_fields=chosen)
    offered = run("fields", "acme", "--json").json()
    assert [field["id"] for field in offered["fields"]] == [field["id"] for field in defined]
    imported = [field for field in offered["fields"] if field["is_chosen"]]
    assert {field["name"] for field in imported} == {defined[0]["name"], defined[1]["name"]}
    assert offered["missing"] == {chosen[2]: [defined[2]["name"]]}
    assert f"names '{chosen[2]}', which does not exist in the account. Did you mean " in run("fields", "acme").out


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


def _sent(value: object, **more: object) -> dict[str, object]:
    return {"field_id": 7, "field_type": "text", "values": value, **more}


@pytest.mark.parametrize(
    ("custom_fields", "shown"),
    [
        ("no list", []),
        ({"0": _sent([{"value": "numbered"}])}, ["numbered"]),
        ([_sent("no list")], []),
        ([_sent({"1": {"value": "numbered"}})], ["numbered"]),
        ([_sent(["no object", None, 5, {"value": "right"}])], ["right"]),
        ([_sent([{"value": "right"}], field_id="7")], ["right"]),
        ([_sent([{"value": "right"}], field_id=[7])], []),
        ([_sent([{"value": "right"}], field_type={"a": 1})], ["right"]),
        (["no object", None, _sent([{"value": "right"}])], ["right"]),
        ([_sent([{"value": ["a"] * 3}, {"value": {"b": 1}}, {"value": "right"}])], ["right"]),
    ],
)
def test_examples_come_from_leads_of_any_shape(
    run: Command, add_source: AddSource, monkeypatch: pytest.MonkeyPatch, custom_fields: object, shown: list[str]
) -> None:
    leads = [{"id": 1, "updated_at": 5, "custom_fields_values": custom_fields}]
    assert _examples(run, add_source, monkeypatch, leads, [{"id": 7, "name": "Field"}]) == [shown]


def test_fields_of_any_shape_are_listed(
    run: Command, add_source: AddSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = [{"id": 1, "updated_at": 5, "custom_fields_values": [_sent([{"value": "right"}])]}]
    odd = [{"id": "7", "name": ["x"]}, {"name": 5, "code": {}}, {"id": None, "is_predefined": "yes", "type": 1}]
    assert _examples(run, add_source, monkeypatch, leads, odd) == [["right"], [], []]


def test_a_name_cannot_command_the_terminal(
    run: Command, add_source: AddSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", "any")
    with answering(_answers([], [{"id": 7, "name": "\x1b[2Jgone\u202e"}])) as url:
        add_source(base_url=url, access_token_env="ACME_TOKEN")
        shown = run("fields", "acme").out
    assert "\x1b[2J" not in shown
    assert r"\x1b[2Jgone\u202e" in shown


def _answers(leads: list[Any], fields: list[Any]) -> dict[str, tuple[int, bytes]]:
    return {
        "/api/v4/leads/custom_fields": (
            200,
            json.dumps({"_links": {}, "_embedded": {"custom_fields": fields}}).encode(),
        ),
        "/api/v4/leads": (200, json.dumps({"_links": {}, "_embedded": {"leads": leads}}).encode()),
    }


def _examples(
    run: Command, add_source: AddSource, monkeypatch: pytest.MonkeyPatch, leads: list[Any], fields: list[Any]
) -> list[list[str]]:
    """The examples of each field of an account that answers so."""
    monkeypatch.setenv("ACME_TOKEN", "any")
    with answering(_answers(leads, fields)) as url:
        add_source(base_url=url, access_token_env="ACME_TOKEN")
        ran = run("fields", "acme", "--examples", "--json")
        assert run("fields", "acme", "--examples").status == 0
    return [field["examples"] for field in ran.json()["fields"]]
