"""The list of leads while leads are edited, deleted and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets_tests.sandbox.conftest import DAY, NOON

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.sandbox.conftest import Asking


def test_an_edited_lead_leaves_its_window_for_the_present(asking: Asking, sandbox: Sandbox) -> None:
    lead = asking.leads(order="asc")[0]
    assert sandbox.account.edit(lead["id"], name="Новое имя") == NOON
    assert lead["id"] not in {each["id"] for each in asking.leads(updated_to=NOON - 1, limit=250)}
    [moved] = asking.leads(updated_from=NOON)
    assert (moved["id"], moved["name"]) == (lead["id"], "Новое имя")


def test_a_change_may_leave_the_time_of_the_last_change_alone(asking: Asking, sandbox: Sandbox) -> None:
    lead = asking.leads(order="asc")[0]
    sandbox.account.edit(lead["id"], touch=False)
    assert asking.leads(order="asc")[0]["updated_at"] == lead["updated_at"]


def test_a_lead_may_jump_back_in_time(asking: Asking, sandbox: Sandbox) -> None:
    lead_id = asking.leads(order="desc")[0]["id"]
    sandbox.account.jump(lead_id, NOON - 9 * DAY)
    assert asking.leads(order="asc")[0]["id"] == lead_id


def test_with_a_lag_a_change_is_seen_later(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(lag_seconds=60)
    lead_id = sandbox.account.add(name="Позже")
    assert sandbox.account.add() == lead_id + 1
    sandbox.clock.advance(59)
    assert asking.page(updated_from=NOON).status_code == 204
    sandbox.clock.advance(1)
    assert [each["updated_at"] for each in asking.leads(updated_from=NOON)] == [NOON, NOON]


def test_leads_can_be_edited_deleted_and_thrown_about_after_every_answer(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(edits_per_answer=5, deletions_per_answer=2, touched_from=NOON - DAY, touched_to=NOON - 1)
    assert len(asking.leads(limit=250)) == 100
    assert len(sandbox.account.stamps(NOON)) == 5
    assert len(sandbox.account.stamps(deleted=True)) == 2
    sandbox.configure(edits_per_answer=0, deletions_per_answer=0, jumps_per_answer=20)
    before = sandbox.account.stamps()
    asking.leads()
    after = sandbox.account.stamps()
    assert before.keys() == after.keys()
    assert 0 < sum(before[each] != after[each] for each in before) <= 20


def test_a_test_may_do_as_it_likes_after_every_answer(asking: Asking, sandbox: Sandbox) -> None:
    victims = list(sandbox.account.stamps())
    sandbox.after_answer = lambda: sandbox.account.purge(victims.pop())
    asking.leads()
    asking.leads()
    assert len(sandbox.account.stamps()) == 98


def test_the_trash_is_a_list_of_stubs(asking: Asking, sandbox: Sandbox) -> None:
    lead_id = next(iter(sandbox.account.stamps()))
    sandbox.account.delete(lead_id)
    assert len(asking.leads(limit=250)) == 99
    [stub] = asking.leads(extra="only_deleted")
    filled = {name for name, value in stub.items() if value is not None}
    assert filled == {"id", "updated_by", "updated_at", "is_deleted", "account_id", "_links", "_embedded"}
    assert {"name", "price", "created_at", "custom_fields_values", "closed_at", "score"} <= stub.keys()
    assert (stub["id"], stub["updated_at"], stub["is_deleted"]) == (lead_id, NOON, True)
    assert asking.leads(extra="only_deleted", updated_from=NOON, updated_to=NOON) == [stub]
    assert asking.get(f"/api/v4/leads/{lead_id}").status_code == 204


def test_a_lead_comes_back_from_the_trash_or_is_gone_for_good(asking: Asking, sandbox: Sandbox) -> None:
    one, other = list(sandbox.account.stamps())[:2]
    for lead_id in (one, other):
        sandbox.account.delete(lead_id)
    sandbox.account.restore(one)
    sandbox.account.purge(other)
    assert asking.page(extra="only_deleted").status_code == 204
    assert one in sandbox.account.stamps()
    assert other not in sandbox.account.stamps()
    events = asking.get("/api/v4/events", params={"filter[type]": "lead_deleted,lead_restored"}).json()
    assert sorted((each["type"], each["entity_id"]) for each in events["_embedded"]["events"]) == [
        ("lead_deleted", one), ("lead_deleted", other), ("lead_restored", one)
    ]  # fmt: skip


def test_an_account_may_ignore_the_wish_for_deleted_leads(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.account.delete(next(iter(sandbox.account.stamps())))
    sandbox.configure(only_deleted_ignored=True)
    assert not any(lead["is_deleted"] for lead in asking.leads(extra="only_deleted"))


def test_a_lead_set_by_hand_is_shown_as_it_was_set(asking: Asking, sandbox: Sandbox) -> None:
    lead_id = sandbox.account.add(5_000_000, name="🎉\x00\ud83d", price="не число", custom_fields_values=[])
    shown = asking.get(f"/api/v4/leads/{lead_id}").json()
    assert (shown["name"], shown["price"], shown["custom_fields_values"]) == ("🎉\x00\ud83d", "не число", [])
