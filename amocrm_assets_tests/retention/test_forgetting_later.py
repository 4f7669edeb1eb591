"""People are forgotten in the files that stand for removed captures, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired
from amocrm_assets.forgetting import Forgetting
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets.retention import RemovedCaptures
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.forgetting.test_forgetting import Dying
from amocrm_assets_tests.rows.days import DAY, lead

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage
    from amocrm_assets_tests.retention.days import StoredEntity

from amocrm_assets_tests.retention.old_captures import headers


def request(kept: StoredEntity, storage: Storage | None = None) -> Forgetting:
    """Requests about people in what is kept."""
    warehouse = DuckDbWarehouse(Path(kept.storage.uri("warehouse.duckdb")), wait_seconds=1)
    return Forgetting(kept.source, storage or kept.storage, warehouse, entities=(LEADS,), lock_wait_seconds=1)


def test_a_person_is_forgotten_in_what_stands_for_captures_too(kept: StoredEntity) -> None:
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    kept.remove()
    forgetting, person = request(kept), Asked(values=("Марфа",))

    report = forgetting.carry_out(person)

    assert [each.name for each in report.captures] == [
        "captures/acme/leads/2026-01-01/20260102T000000.000000Z.rows.gz"
    ]
    assert forgetting.left(report) == []
    assert not any("Марфа" in json.loads(line).get("name", "") for line in kept.lines())
    assert [row["id"] for row in kept.rows()[f"leads {DAY}"]] == [2]
    # And `--verify` looks there: a backup that was put back is found.
    name = report.captures[0].name
    kept.storage.delete(name)
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    kept.remove()
    assert name in forgetting.left(report)


def test_tombstones_are_not_carried_on(kept: StoredEntity) -> None:
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    request(kept).carry_out(Asked(values=("Марфа",)))
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]
    assert [json.loads(line)["id"] for line in kept.lines()] == [2]
    (header,) = headers(kept)
    assert header.forgotten is None


def test_a_request_that_was_killed_ends_first(kept: StoredEntity) -> None:
    kept.capture([lead(1, name="Марфа"), lead(2)])
    kept.make_rows()
    person = Asked(values=("Марфа",))

    storage: Storage = Dying(kept.storage, ("replace",), [1])
    with pytest.raises(KeyboardInterrupt):
        request(kept, storage).carry_out(person)
    with pytest.raises(ActionRequired, match="to forget a person was interrupted"):
        kept.remove()
    request(kept).carry_out(person)
    assert kept.remove() == [RemovedCaptures("leads", DAY, 1)]
