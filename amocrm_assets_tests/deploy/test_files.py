"""The files of a deployment agree with each other, with the image and with Dagster."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

from amocrm_assets.settings.new_source_file import default_attributes
from amocrm_assets_tests.deploy.files import (
    DEPLOY,
    ROOT,
    Values,
    default_command,
    health_check,
    instructions,
    last,
    read_yaml,
    services,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_DAGSTER = ("code", "daemon", "webserver")
LIMITS = ("concurrency", "run_monitoring", "run_retries", "telemetry", "nux")
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
"""


def copied() -> Iterator[str]:
    """What the image takes from the repository."""
    for name, rest in instructions():
        *sources, _ = rest.split()
        if name == "COPY" and "--from=" not in rest:
            yield from sources


def snake(values: Any) -> Any:
    """The chart's names as Dagster writes them."""
    if isinstance(values, dict):
        return {
            re.sub("[A-Z]", lambda big: f"_{big[0].lower()}", key): snake(value) for key, value in values.items()
        }
    return values


def instance_of_chart(values: Values) -> Values:
    """Of the chart's values, what its template puts into `dagster.yaml`; the database left out."""
    launcher = snake(values["runLauncher"]["config"]["k8sRunLauncher"])
    concurrency = {key: value for key, value in snake(values["concurrency"]).items() if key != "enabled"}
    return {
        "concurrency": concurrency,
        "run_monitoring": snake(values["dagsterDaemon"]["runMonitoring"]),
        "run_retries": snake(values["dagsterDaemon"]["runRetries"]),
        "telemetry": values["telemetry"],
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher},
        **values["additionalInstanceConfig"],
    }


def test_every_file_that_the_image_takes_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    taken = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in taken), source
    assert "*" in ignored


def test_the_image_runs_this_code_location_as_nobody_special() -> None:
    command = default_command()
    assert find_spec(command[command.index("-m") + 1])
    assert last("USER").isdecimal()
    assert last("USER") != "0"


def test_all_name_the_same_port_of_the_code_location() -> None:
    command = default_command()
    port = command[command.index("-p") + 1]
    (location,) = read_yaml("workspace.yaml")["load_from"]
    assert services().keys() >= {location["grpc_server"]["host"]}
    assert {port, last("EXPOSE"), health_check("code")[-1]} == {str(location["grpc_server"]["port"])}


def test_nothing_but_loopback_is_published() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_is_mounted_exists_and_belongs_to_the_user_of_the_image() -> None:
    declared = read_yaml("docker-compose.yaml")["volumes"]
    made = next(rest for name, rest in instructions() if name == "RUN" and "useradd" in rest)
    for name in OF_DAGSTER:
        for source, target, *_ in (mount.split(":") for mount in services()[name]["volumes"]):
            if source.startswith("."):
                assert (DEPLOY / source).is_dir()
            else:
                assert source in declared
                assert target in made.split()


def test_secrets_and_data_reach_the_code_location_alone() -> None:
    for name, service in services().items():
        private = {"env_file", "secrets"} & service.keys()
        mounted = {mount.partition(":")[0] for mount in service.get("volumes", [])}
        assert (private, "data" in mounted) == (
            ({"env_file", "secrets"}, True) if name == "code" else (set(), False)
        )


def test_every_service_finds_the_database() -> None:
    wanted = set(re.findall(r"env: (\w+)", (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")))
    assert wanted
    for name in OF_DAGSTER:
        assert services()[name]["environment"].keys() >= wanted
    given = services()["postgres"]["environment"]
    told = services()["code"]["environment"]
    assert {key: told[f"DAGSTER_{key}"] for key in given} == given


def test_the_example_names_every_variable_and_holds_no_secret() -> None:
    lines = (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    compose = (DEPLOY / "docker-compose.yaml").read_text(encoding="utf-8")
    assert example.keys() >= set(re.findall(r"\$\{(\w+)", compose))
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    deployment = set(re.findall(r"^\| `(AMOCRM_\w+)` \|", settings, re.MULTILINE))
    # The folder of the sources is mounted, and all files belong to the containers' user.
    assert example.keys() >= deployment - {"AMOCRM_SOURCES", "AMOCRM_FILE_MODE"} >= {"AMOCRM_ALERTS"}
    assert not any(example.values())


def test_places_that_are_left_empty_are_in_the_volume() -> None:
    code = services()["code"]
    assert "data:/data" in code["volumes"]
    wanted = {
        "AMOCRM_STORAGE": "/data",
        "AMOCRM_TOKENS": "/data/tokens",
        "AMOCRM_WAREHOUSE": "duckdb:////data/warehouse.duckdb",
    }
    for name, place in wanted.items():
        assert code["environment"][name] == f"${{{name}:-{place}}}"
        assert f"{name}={place}" in last("ENV").split()


def test_the_filled_in_example_is_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/deploy/.env" in ignored
    assert services()["code"]["env_file"] == ".env"


def test_the_limits_are_the_same_on_one_machine_and_beyond() -> None:
    one = read_yaml("dagster.yaml", ROOT / "dagster_home")
    several = read_yaml("dagster.yaml")
    chart = instance_of_chart(read_yaml("helm-values.yaml"))
    assert {name: several[name] for name in LIMITS} == {name: one[name] for name in LIMITS}
    for name in set(LIMITS) - {"run_monitoring"}:
        assert chart[name] == one[name]
    # Kubernetes tells when a pod is lost, so nothing has to be guessed from a run's age there.
    assert (
        chart["run_monitoring"].items()
        >= {name: value for name, value in one["run_monitoring"].items() if name != "max_runtime_seconds"}.items()
    )


@pytest.mark.slow
def test_dagster_takes_what_the_chart_makes_of_the_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = instance_of_chart(read_yaml("helm-values.yaml"))
    # Outside of a cluster, an address that nobody asks.
    (tmp_path / "kubeconfig").write_text(KUBECONFIG, encoding="utf-8")
    made["run_launcher"]["config"] |= {
        "load_incluster_config": False,
        "kubeconfig_file": str(tmp_path / "kubeconfig"),
        "job_image": "REGISTRY/amocrm-assets:TAG",
        "dagster_home": "/dagster",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": "dagster-postgresql",
        "service_account_name": "dagster",
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert type(instance.run_launcher).__name__ == "K8sRunLauncher"
        assert instance.run_launcher.supports_check_run_worker_health
        assert instance.run_monitoring_enabled


def test_pods_keep_nothing_on_a_disk_of_their_own() -> None:
    (deployment,) = read_yaml("helm-values.yaml")["dagster-user-deployments"]["deployments"]
    places = {each["name"]: each["value"] for each in deployment["env"]}
    assert places["AMOCRM_STORAGE"].startswith("gs://")
    assert places["AMOCRM_TOKENS"].startswith("gs://")
    assert places["AMOCRM_WAREHOUSE"].startswith("bigquery://")
    assert deployment["includeConfigInLaunchedRuns"]["enabled"]
    assert str(deployment["podSecurityContext"]["runAsUser"]) == last("USER")
    assert find_spec(deployment["dagsterApiGrpcArgs"][1])


def test_the_documentation_names_every_file() -> None:
    told = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    assert [path.name for path in sorted(DEPLOY.iterdir()) if path.name not in told and path.name != ".env"] == []


def test_the_example_names_the_variable_that_new_writes() -> None:
    written = default_attributes("my-shop")["access_token_env"]
    assert f"\n{written}=\n" in (DEPLOY / "env.example").read_text(encoding="utf-8")


def test_a_container_without_a_browser_is_connected_by_pasting() -> None:
    document = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    docker compose .* connect .*$", document, re.MULTILINE)
    assert commands
    assert all("--no-browser" in command for command in commands)
