"""What Dagster keeps of a person goes with a request, wherever it is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.forgetting import Forgetting
from amocrm_assets.orchestration.forgetting import ForgettingInDagster, forgetting_in_dagster
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets.settings import Deployment
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.forgetting.test_forgetting import Dying
from amocrm_assets_tests.orchestration.conftest import LAST, Pipeline, failure_of

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.forgetting.report import Report


pytestmark = pytest.mark.slow


class DyingInstance(Dying):
    """An instance whose process is killed after so many changes."""

    def __init__(self, instance: dg.DagsterInstance, lives: list[int]) -> None:
        super().__init__(instance, ("report_runless_asset_event", "delete_run"), lives)
        self._logs = Dying(instance.compute_log_manager, ("delete_logs",), lives)

    @property
    def compute_log_manager(self) -> Any:
        return self._logs


def forget(pipeline: Pipeline, asked: Asked, home: Path, lives: list[int] | None = None) -> Report:
    """Carry out a request here; with `lives`, die after so many changes in Dagster."""
    instance: Any = pipeline.instance if lives is None else DyingInstance(pipeline.instance, lives)
    warehouse = open_warehouse(Deployment.from_environment().warehouse)
    forgetting = Forgetting(pipeline.source, pipeline.storage, warehouse, entities=(LEADS,), lock_wait_seconds=5)
    return forgetting.carry_out(asked, in_dagster=ForgettingInDagster(pipeline.source, instance, home))


def previews(pipeline: Pipeline) -> str:
    return str(
        [pipeline.materialised(name)[LAST].get("preview") for name in ("raw_leads", "leads", "amoCrmLeads")]
    )


def test_a_request_that_is_killed_in_dagster_and_made_again_removes_the_rest(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    kills = 0
    while True:
        result = pipeline.run()
        assert result.success, failure_of(result)
        (shown,) = [pipeline.materialised("leads")[LAST]["open_in_amocrm"]]
        lead_id = int(str(shown).partition("[")[2].partition("]")[0])
        asked = Asked({"lead": [lead_id]})
        with pytest.raises(KeyboardInterrupt):
            forget(pipeline, asked, tmp_path, [kills])
        report = forget(pipeline, asked, tmp_path)
        assert report.status == "done"
        assert str(lead_id) not in previews(pipeline)
        assert not pipeline.instance.has_run(result.run_id)
        assert report.dagster["runs deleted"] == 1
        assert report.runs.keys() == {result.run_id}
        # What the run materialised still counts.
        assert LAST in pipeline.instance.get_materialized_partitions(pipeline.key("amoCrmLeads"))
        kills += 1
        if kills == report.dagster["materialisations reported again"] + 2:
            break
    assert kills >= 5


def test_without_a_home_nothing_is_looked_for(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with forgetting_in_dagster(pipeline.source) as found:
        assert found is None
