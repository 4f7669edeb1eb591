"""The small lists of the sandbox: they are believable, and they grow with its clock."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm_assets.sandbox import Sandbox
from amocrm_assets.sandbox.account.history import BEGINNING, DAY
from amocrm_assets_tests.sandbox.conftest import Asking, quiet

LISTS = {
    "users": "/api/v4/users",
    "pipelines": "/api/v4/leads/pipelines",
    "tags": "/api/v4/leads/tags",
    "custom_fields": "/api/v4/contacts/custom_fields",
}


def listed(asking: Asking, sandbox: Sandbox, name: str, day: int) -> list[dict[str, Any]]:
    """A list as it is on a day after the beginning."""
    sandbox.reset(quiet(frozen_at=BEGINNING + day * DAY + 1))
    response = asking.get(LISTS[name], params={"limit": 250})
    records: list[dict[str, Any]] = response.json()["_embedded"][name]
    return records


def test_people_come_and_leave(asking: Asking, sandbox: Sandbox) -> None:
    first, later = listed(asking, sandbox, "users", 10), listed(asking, sandbox, "users", 250)
    last = listed(asking, sandbox, "users", 310)
    (hired,) = {user["id"] for user in first} - {user["id"] for user in sandbox.account.content.users}

    def of(users: list[dict[str, Any]]) -> list[bool]:
        return [user["rights"]["is_active"] for user in users if user["id"] == hired]

    assert (of(first), of(later), of(last)) == ([True], [False], [])
    assert len(later) > len(first)


def test_stages_are_renamed_and_deleted_and_a_pipeline_is_archived(asking: Asking, sandbox: Sandbox) -> None:
    before, after = listed(asking, sandbox, "pipelines", 10), listed(asking, sandbox, "pipelines", 210)

    def stages(pipelines: list[dict[str, Any]]) -> dict[tuple[int, int], str]:
        return {
            (pipeline["id"], each["id"]): each["name"]
            for pipeline in pipelines
            for each in pipeline["_embedded"]["statuses"]
        }

    gone = stages(before).keys() - stages(after).keys()
    assert [stages(before)[key] for key in gone] == ["Отложено"]
    assert [name for key, name in stages(after).items() if name != stages(before)[key]] == ["Переговоры о цене"]
    assert [pipeline["is_archive"] for pipeline in after] == [False, False, True]
    assert [each["id"] for each in before[0]["_embedded"]["statuses"]][-2:] == [142, 143]


def test_a_field_is_renamed_and_tags_are_added(asking: Asking, sandbox: Sandbox) -> None:
    names = [{field["name"] for field in listed(asking, sandbox, "custom_fields", day)} for day in (10, 110)]
    assert names[0] ^ names[1] == {"День рождения", "Дата рождения"}
    assert len(listed(asking, sandbox, "tags", 100)) == len(listed(asking, sandbox, "tags", 10)) + 3


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/api/v4/leads/pipelines/3200001", "/api/v4/leads/pipelines/5"),
        ("/api/v4/leads/pipelines/3200001/statuses", "/api/v4/leads/pipelines/5/statuses"),
        ("/api/v4/leads/pipelines/3200001/statuses/142", "/api/v4/leads/pipelines/5/statuses/142"),
        ("/api/v4/leads/custom_fields/700003", "/api/v4/leads/custom_fields/5"),
        ("/api/v4/leads/loss_reasons/4300001", "/api/v4/leads/loss_reasons/5"),
        ("/api/v4/users/8100001", "/api/v4/users/5"),
    ],
)
def test_single_records_are_told_as_public_clients_ask_for_them(asking: Asking, path: str, missing: str) -> None:
    assert asking.get(path).status_code == 200
    assert asking.get(missing).status_code == 204


def test_the_account_tells_groups_and_task_types_when_asked(asking: Asking) -> None:
    embedded = asking.get("/api/v4/account", params={"with": "users_groups,task_types"}).json()["_embedded"]
    assert {group["id"] for group in embedded["users_groups"]} > {0}
    assert [kind["code"] for kind in embedded["task_types"]][:2] == ["FOLLOW_UP", "MEETING"]
    assert "_embedded" not in asking.get("/api/v4/account").json()


def test_a_users_rights_are_whole(asking: Asking) -> None:
    rights = asking.get("/api/v4/users/8100001").json()["rights"]
    assert rights.keys() >= {
        "leads",
        "contacts",
        "companies",
        "tasks",
        "mail_access",
        "catalog_access",
        "is_admin",
    }


def test_custom_fields_are_chosen_by_type(asking: Asking) -> None:
    def types(**params: str) -> set[str]:
        response = asking.get("/api/v4/leads/custom_fields", params={"limit": "250", **params})
        return {each["type"] for each in response.json()["_embedded"]["custom_fields"]}

    assert types(**{"filter[type][]": "select"}) == {"select"}
    assert {"select", "text"} < types()
