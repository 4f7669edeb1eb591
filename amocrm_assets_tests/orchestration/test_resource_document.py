"""The code of `docs/resource.md` runs as its readers would run it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

import amocrm_assets
from amocrm_assets import AmoCrmResource
from amocrm_assets_tests.orchestration.conftest import LAST, QUICK
from amocrm_assets_tests.orchestration.sources import ASSETS

if TYPE_CHECKING:
    import pytest

    from amocrm_assets_tests.orchestration.conftest import Pipeline

DOCUMENT = (Path(amocrm_assets.__file__).parents[1] / "docs" / "resource.md").read_text(encoding="utf-8")
PYTHON, ASSET = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
(LAUNCH,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


def run(code: str) -> dict[str, Any]:
    """What a module with this code holds."""
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own document
    return names


def test_the_definitions_in_plain_python_load() -> None:
    defs: dg.Definitions = run(PYTHON)["defs"]
    assert {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()} == {
        f"my_shop/{name}" for name in ASSETS
    }


def test_the_own_asset_reads_pipelines(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_MY_SHOP_TOKEN", pipeline.sandbox.token)
    resource = AmoCrmResource(
        subdomain="my-shop", base_url=pipeline.source.url, access_token=dg.EnvVar("AMOCRM_MY_SHOP_TOKEN")
    )
    names = run(ASSET)
    result = dg.materialize([names["pipeline_names"]], resources={"amocrm_my_shop": resource})
    assert result.output_for_node("pipeline_names")


@pytest.mark.slow
def test_the_documented_launch_is_accepted(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.sandbox.reset(replace(QUICK, subdomain="my-shop"))
    monkeypatch.setenv("AMOCRM_MY_SHOP_TOKEN", pipeline.sandbox.token)
    pipeline.configure(subdomain="my-shop", timezone="Europe/Moscow", access_token_env="AMOCRM_MY_SHOP_TOKEN")
    config = yaml.safe_load(LAUNCH)
    config["resources"]["amocrm_my_shop"]["config"]["base_url"] = pipeline.source.url
    result = pipeline.definitions.resolve_job_def("my_shop_leads").execute_in_process(
        instance=pipeline.instance, partition_key=LAST, run_config=config, raise_on_error=False
    )
    assert result.success
    assert pipeline.materialised("leads")[LAST]["leads_custom_fields"] == ["Город"]
