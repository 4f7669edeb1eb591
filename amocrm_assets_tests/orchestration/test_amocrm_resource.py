"""The resource of a source: what it shows, what a launch may change, and asking amoCRM through it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import dagster as dg
import pytest

import amocrm_assets
from amocrm_assets import AmoCrmResource, build_source_definitions
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import NotAuthorised, SettingsError
from amocrm_assets.orchestration.amocrm_resource import client_of_run
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.translation import TranslatedSource
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.orchestration.conftest import LAST, QUICK, checks_of, failure_of
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

OAUTH = {
    "client_id_env": "SHOP_ID",
    "client_secret_env": "SHOP_SECRET",
    "redirect_uri": "http://127.0.0.1:8910/callback",
}


def resource_of(pipeline: Pipeline, **changes: Any) -> AmoCrmResource:
    """A person's own resource of the pipeline's account."""
    given = {"subdomain": "acme", "base_url": pipeline.source.url, "access_token": dg.EnvVar(TOKEN_VARIABLE)}
    return AmoCrmResource(**{**given, **changes})


@pytest.mark.parametrize("credentials", [{"access_token_env": "SHOP_TOKEN"}, {"oauth": OAUTH}])
def test_settings_survive_the_way_through_a_resource(credentials: dict[str, Any]) -> None:
    source = SourceSettings.model_validate(
        {
            "subdomain": "my-shop",
            "start_date": "2026-01-01",
            "leads_custom_fields": ["Город", "17"],
            "import_lead_name": False,
            "requests_per_second": 3,
            "timezone": "Europe/Moscow",
            **credentials,
        }
    )
    resource = AmoCrmResource.from_settings(source)
    assert resource.to_settings(start_date="2026-01-01") == source
    assert resource.applied_to(source) is source


def test_a_resource_has_the_defaults_of_the_settings() -> None:
    given = {"subdomain": "my-shop", "start_date": "2026-01-01"}
    resource = AmoCrmResource(subdomain="my-shop", access_token=dg.EnvVar("SHOP_TOKEN"))
    assert resource.to_settings(start_date="2026-01-01") == SourceSettings(**given, access_token_env="SHOP_TOKEN")


def test_the_client_of_a_run_is_closed_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceSettings(subdomain="my-shop", start_date="2026-01-01", access_token_env="SHOP_TOKEN")
    resource, deployment, client = AmoCrmResource.from_settings(source), AmoCrmDeployment(), MagicMock()
    monkeypatch.setattr(AmoCrmDeployment, "client", lambda self, of: client if of is source else self)
    context: Any = SimpleNamespace(resources=SimpleNamespace(amocrm=deployment, amocrm_my_shop=resource))
    with deployment.yield_for_execution(SimpleNamespace(run=None)):  # type: ignore[arg-type]
        for _ in range(2):
            with client_of_run(context, source) as used:
                assert used is client
        client.close.assert_not_called()
    client.close.assert_called_once_with()


# Characters of a type beside which a page of 1,400 pixels shows the name of a variable.
MAX_TYPE = 25


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition")  # Dagster's own snapshot reads it
def test_a_resource_shows_the_names_of_variables_and_never_their_values(pipeline: Pipeline) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap

    snap = RepositorySnap.from_def(pipeline.definitions.get_repository_def())
    (shown,) = [each for each in snap.resources or [] if each.name == "amocrm_acme"]
    assert f"name='{TOKEN_VARIABLE}'" in str(shown.configured_values["access_token"])
    assert pipeline.sandbox.token not in str(shown)
    assert {key.path[-1] for key in shown.asset_keys_using} == {"raw_leads", "leads"}


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition")  # Dagster's own snapshot reads it
def test_the_page_of_a_resource_says_what_it_is_and_has_room_for_types(
    pipeline: Pipeline,
) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap

    snap = RepositorySnap.from_def(pipeline.definitions.get_repository_def())
    resources = {each.name: each for each in snap.resources or []}
    assert resources.keys() == {"amocrm", "amocrm_acme", "amocrm_rows"}
    for shown in resources.values():
        assert "lambda" not in shown.resource_type
        assert shown.resource_snapshot.description
        for field in shown.config_field_snaps:
            assert len(field.type_key) <= MAX_TYPE, field.name
            assert field.description, field.name


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition")  # Dagster's own snapshot reads it
def test_the_page_of_the_deployment_shows_the_variables_of_its_places(pipeline: Pipeline) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap

    snap = RepositorySnap.from_def(pipeline.definitions.get_repository_def())
    (shown,) = [each for each in snap.resources or [] if each.name == "amocrm"]
    named = str(shown.configured_values)
    assert all(variable in named for variable in ("AMOCRM_WAREHOUSE", "AMOCRM_STORAGE", "AMOCRM_TOKENS"))


def test_a_launch_that_changes_a_place_of_the_deployment_is_refused(pipeline: Pipeline) -> None:
    result = pipeline.definitions.resolve_job_def("acme_leads").execute_in_process(
        instance=pipeline.instance,
        partition_key=LAST,
        run_config={"resources": {"amocrm": {"config": {"storage_variable": {"env": "ELSEWHERE"}}}}},
        raise_on_error=False,
    )
    failure = failure_of(result)
    assert "it changes storage_variable" in failure.description


def test_a_credential_of_another_shape_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"access_token: \{env: NAME\}") as caught:
        AmoCrmResource(subdomain="acme", access_token={"env": "A", "value": "very-secret"})
    assert "very-secret" not in str(caught.value)


def test_a_credential_in_clear_text_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r'it is a text(?s:.*)access_token=dg\.EnvVar\("NAME"\)') as caught:
        AmoCrmResource(subdomain="acme", access_token="very-secret")
    assert "very-secret" not in str(caught.value)


def test_a_variable_that_is_not_set_fails_the_step_with_a_fix(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE)
    assert f"Set {TOKEN_VARIABLE}" in failure_of(pipeline.run()).metadata["fix"].value
    with pytest.raises(NotAuthorised, match=TOKEN_VARIABLE):
        resource_of(pipeline).get("/api/v4/account")


def launched_with(pipeline: Pipeline, **changes: Any) -> dg.ExecuteInProcessResult:
    """A day whose launch gives the resource another configuration."""
    resource = AmoCrmResource.from_settings(pipeline.source)
    shown = {name: value for name in AmoCrmResource.model_fields if (value := getattr(resource, name)) is not None}
    return pipeline.definitions.resolve_job_def("acme_leads").execute_in_process(
        instance=pipeline.instance,
        partition_key=LAST,
        run_config={"resources": {"amocrm_acme": {"config": shown | changes}}},
        raise_on_error=False,
    )


@pytest.mark.slow
def test_a_launch_may_choose_other_custom_fields_and_the_rows_say_which(pipeline: Pipeline) -> None:
    pipeline.run()
    assert pipeline.materialised("leads")[LAST]["leads_custom_fields"] == "all"

    assert launched_with(pipeline, leads_custom_fields=["Город"]).success

    assert pipeline.materialised("leads")[LAST]["leads_custom_fields"] == ["Город"]
    frame = pipeline.warehouse.read(LEADS.table, "acme", [date.fromisoformat(LAST)])
    assert {field["name"] for fields in frame["custom_fields"] for field in fields} == {"Город"}


class OfATeam(TranslatedSource):
    """A source of somebody's own class, with an attribute that ours has not."""

    team: str = "nobody"


@pytest.mark.parametrize("own", [{}, {"team": "moscow"}])
def test_a_launch_may_change_a_source_of_a_class_of_ones_own(own: dict[str, str]) -> None:
    given = {"subdomain": "my-shop", "start_date": "2026-01-01", "oauth": OAUTH, "import_deleted": False}
    source = OfATeam(**given, **own, translation=lambda spec, _: spec)
    launched = AmoCrmResource.from_settings(source).model_copy(update={"requests_per_second": 3.0})
    assert launched.applied_to(source) == SourceSettings(**given, requests_per_second=3)


def test_a_launch_that_changes_the_account_is_refused(pipeline: Pipeline) -> None:
    failure = failure_of(launched_with(pipeline, timezone="Asia/Omsk"))
    assert "it changes timezone" in failure.description
    assert not pipeline.materialised("raw_leads")


def test_definitions_in_plain_python_are_those_of_the_component(pipeline: Pipeline) -> None:
    built = build_source_definitions(
        resource_of(pipeline),
        start_date="2025-01-01",
        display_name="Acme",
        import_reference=False,
        import_lead_details=False,
    )
    assert {spec.key for spec in built.resolve_all_asset_specs()} == {
        spec.key for spec in pipeline.definitions.resolve_all_asset_specs()
    }
    result = built.resolve_job_def("acme_leads").execute_in_process(instance=pipeline.instance, partition_key=LAST)
    assert checks_of(result)["reading_complete"].passed


def test_wrong_settings_in_plain_python_are_all_listed(pipeline: Pipeline) -> None:
    with pytest.raises(SettingsError, match=r"start_date(?s:.*)colour"):
        build_source_definitions(resource_of(pipeline), start_date="soon", colour="red")


def test_an_own_asset_asks_the_account(pipeline: Pipeline) -> None:
    @dg.asset
    def pipelines(amocrm_acme: AmoCrmResource) -> dg.MaterializeResult[Any]:
        found = amocrm_acme.get("/api/v4/leads/pipelines")
        return dg.MaterializeResult(metadata={"names": [each["name"] for each in found["_embedded"]["pipelines"]]})

    defs = dg.Definitions.merge(pipeline.definitions, dg.Definitions(assets=[pipelines]))
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=pipeline.instance, asset_selection=[pipelines.key]
    )
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["names"].value


@pytest.mark.slow
def test_pages_are_followed_to_the_last(pipeline: Pipeline) -> None:
    resource = resource_of(pipeline)
    whole = [lead["id"] for page in resource.pages("/api/v4/leads", {"order[id]": "asc"}) for lead in page]
    small = [len(page) for page in resource.pages("/api/v4/leads", {"order[id]": "asc", "limit": 7})]
    assert whole == sorted(set(whole))
    assert len(small) > 1
    assert (sum(small), max(small)) == (len(whole), 7)


def test_a_request_has_its_parameters_and_what_is_not_there_is_none(pipeline: Pipeline) -> None:
    assert resource_of(pipeline).get("/api/v4/leads/1") is None
    assert len(resource_of(pipeline).get("/api/v4/leads", {"limit": 3})["_embedded"]["leads"]) == 3
    assert list(resource_of(pipeline).pages("/api/v4/leads", {"page": 9999})) == []


def test_askers_side_by_side_keep_one_limit(pipeline: Pipeline) -> None:
    pipeline.sandbox.reset(replace(QUICK, requests_per_second=7))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: resource_of(pipeline).get("/api/v4/account"), range(8)))
    assert 429 not in [request.status for request in pipeline.sandbox.requests]


def test_the_package_names_what_it_offers() -> None:
    assert {"AmoCrmResource", "AmoCrmSource", "build_source_definitions"} <= set(dir(amocrm_assets))
