"""`leads_status_name`: the column in shards, its names as of then, and which shards have to be loaded again."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.orchestration.metadata_keys import meanings
from amocrm_assets_tests.orchestration.conftest import (
    DAY,
    StandInPipeline,
    checks_of,
    failure_of,
    materialised,
    query,
)
from amocrm_assets_tests.orchestration.test_checks import shown
from amocrm_assets_tests.orchestration.test_io_manager import taken
from amocrm_assets_tests.standin import lead
from amocrm_assets_tests.standin.reference import status

pytestmark = pytest.mark.slow

NEXT, SECOND = "2026-03-02", 1_772_355_600 + 86_400
NEW_STAGE = 5_500_009


def configure(account: StandInPipeline, *, wanted: bool) -> None:
    account.configure(
        base_url=account.standin.url, start_date="2026-01-01", import_reference=True, leads_status_name=wanted
    )


@pytest.fixture
def naming(account: StandInPipeline) -> StandInPipeline:
    configure(account, wanted=True)
    return account


def names(day: str = DAY) -> list[tuple[Any, ...]]:
    return query(f'SELECT id, status_name FROM "amoCrmLeads_acme_{day.replace("-", "")}" ORDER BY id')  # noqa: S608


def columns(day: str) -> list[str]:
    return [name for name, *_ in query(f'DESCRIBE "amoCrmLeads_acme_{day.replace("-", "")}"')]


def test_the_first_run_has_names_although_it_reads_the_lists_behind_the_leads(naming: StandInPipeline) -> None:
    result = naming.run(DAY)

    assert result.success, failure_of(result)
    done = [name for name, _ in materialised(result)]
    assert (
        done.index("leads")
        < done.index("raw_reference")
        < done.index("amoCrmStatuses")
        < done.index("amoCrmLeads")
    )
    assert names() == [(number, "В работе") for number in range(1, 6)]
    held = columns(DAY)
    assert held[held.index("status_id") + 1] == "status_name"
    assert checks_of(result)["equals_rows"].passed
    assert not naming.storage.names("rows/acme/amoCrmLeads")


def test_a_renamed_stage_keeps_its_name_in_shards_of_before_however_often_they_are_loaded(
    naming: StandInPipeline,
) -> None:
    naming.run(DAY)
    naming.lists.stages()[1]["name"] = "Переговоры"
    naming.lists.stages().append(status(NEW_STAGE, "Счёт выставлен"))
    naming.standin.account.leads.append(lead(9, SECOND, status=NEW_STAGE))
    result = naming.run(NEXT)

    assert result.success, failure_of(result)
    # The list was read in the night behind that day, and knew the stage: the earliest name is the one.
    assert names(NEXT) == [(9, "Счёт выставлен")]
    before = query('FROM "amoCrmLeads_acme_20260301"')
    assert naming.run(DAY, only=["amoCrmLeads"]).success
    assert query('FROM "amoCrmLeads_acme_20260301"') == before
    assert names()[0] == (1, "В работе")


def test_lists_that_fail_keep_no_lead_back_and_the_days_without_names_are_told(
    naming: StandInPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 2)
    naming.lists.statuses["pipelines"] = 504
    result = naming.run(DAY)

    assert not result.success
    assert names() == [(number, None) for number in range(1, 6)]
    metadata = naming.materialised("amoCrmLeads")[DAY]
    assert metadata["without_name"] == 5
    assert "without_name" in meanings("amoCrmLeads")
    naming.lists.statuses.clear()
    assert naming.run(DAY, only=["raw_reference", "amoCrmStatuses"]).success
    request_count = len(naming.standin.requests)
    assert naming.run(DAY, only=["amoCrmLeads"]).success
    assert names()[0] == (1, "В работе")
    assert len(naming.standin.requests) == request_count
    assert "without_name" not in naming.materialised("amoCrmLeads")[DAY]


@pytest.mark.parametrize("wanted", [True, False])
def test_switching_it_names_the_shards_to_load_again_which_does_not_ask_amocrm(
    account: StandInPipeline,
    wanted: bool,  # noqa: FBT001
) -> None:
    configure(account, wanted=not wanted)
    account.run(DAY, NEXT)
    configure(account, wanted=wanted)
    result = account.run("2026-03-03")

    verdict = checks_of(result)["equals_rows"]
    assert not verdict.passed
    assert shown(verdict)["loaded_otherwise"] == shown(verdict)["which_days"] == "2026-03-01 to 2026-03-02"
    assert "`leads_status_name` was changed" in str(verdict.description)
    assert "Materialise `amoCrmLeads` for these days" in str(verdict.description)
    request_count = len(account.standin.requests)
    assert checks_of(account.run(DAY, NEXT, only=["amoCrmLeads"]))["equals_rows"].passed
    assert len(account.standin.requests) == request_count
    assert ("status_name" in columns(DAY)) == ("status_name" in columns("2026-03-03")) == wanted


def test_a_persons_asset_gets_the_column_and_is_told_of_a_shard_without_it(naming: StandInPipeline) -> None:
    configure(naming, wanted=False)
    naming.run(DAY)
    configure(naming, wanted=True)
    with pytest.raises(
        WarehouseRefused, match=r"has no column status_name.*Materialise `amoCrmLeads` for 2026-03-01"
    ):
        taken(naming, "amoCrmLeads", days=DAY)
    naming.run(DAY)
    frame = taken(naming, "amoCrmLeads", days=DAY)
    assert frame["status_name"].tolist() == ["В работе"] * 5
    chosen = taken(naming, "amoCrmLeads", days=DAY, metadata={"columns": ["id", "status_name"]})
    assert list(chosen.columns) == ["id", "status_name"]
    assert "status_name" not in taken(naming, "leads", days=DAY).columns


def test_a_run_that_dies_before_the_load_leaves_the_shard_and_run_again_gives_the_same(
    naming: StandInPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    naming.run(DAY)
    before = query('FROM "amoCrmLeads_acme_20260301"')
    with monkeypatch.context() as patch:
        patch.setattr("amocrm_assets.storage.folder.FolderStorage.replace", _dies)
        assert not naming.run(DAY, only=["amoCrmLeads"]).success
    assert query('FROM "amoCrmLeads_acme_20260301"') == before
    assert naming.run(DAY, only=["amoCrmLeads"]).success
    assert query('FROM "amoCrmLeads_acme_20260301"') == before


def _dies(*_: object) -> None:
    raise duckdb.Error("killed")
